"""A data set says what the bags say, is split by mission, and is there whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from drives import bag_of, missions
from hypothesis import given, settings
from hypothesis import strategies as st
from made_run import serialized, write_bag
from rosbags.rosbag2 import StoragePlugin, Writer
from traffic import payload

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import BagError, InputError, PhysicalAIError
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.columns import ChannelDecoder
from physical_ai_telemetry.dataset import Options, export, read_events
from physical_ai_telemetry.dataset.parts import PARTS, Shares, draw, require_apart
from physical_ai_telemetry.dataset.recording import Recording, Unit, look_at
from physical_ai_telemetry.dataset.tables import folder_of, units_in
from physical_ai_telemetry.flatten import JSON, columns_of
from physical_ai_telemetry.mcap_batches import Batch, Channel
from physical_ai_telemetry.schemas import definition, typestore

HALVES = Shares(1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bag_of(tmp_path_factory.mktemp("bags"), ["to the shelves", "to the dock", "back"])


@pytest.fixture(scope="module")
def bags(bag: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three robots' days; two missions have the same name."""
    root = tmp_path_factory.mktemp("fleet")
    return [bag, *(bag_of(root / str(n), [f"g{n}-1", f"g{n}-2", "back"], begin_s=100.0 * n) for n in (1, 2))]


def same(a: Any, b: Any) -> bool:
    """Equality of payloads, arrays by value and type, NaN equal to NaN."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if a is None or b is None or a.dtype != b.dtype or a.shape != b.shape:
            return False
        return (
            a.tobytes() == b.tobytes() if a.dtype.names else bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
        )
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, float) and a != a:
        return bool(b != b)
    return bool(a == b)


def channel(topic: str) -> Channel:
    return Channel("/" + topic, TOPIC[topic].ros_type, "cdr", definition(TOPIC[topic].ros_type))


def decoded(topic: str, raw: list[bytes], slow: bool = False) -> Any:
    decoder = ChannelDecoder(channel(topic), TOPIC[topic].data)
    batch = Batch(list(range(1, len(raw) + 1)), [memoryview(one) for one in raw])
    return decoder._slow(np.array(batch.log_ns), batch.payloads) if slow else decoder.table(batch), decoder


# --- what was written is what was said ---


@pytest.mark.parametrize("which", ["ours", "sqlite3"])
def test_every_event_of_a_bag_comes_back_from_its_tables(bag: Path, tmp_path: Path, which: str) -> None:
    source = bag if which == "ours" else as_sqlite(bag, tmp_path / "other")
    done = export([source], tmp_path / "set", Options(shares=HALVES))
    with open_bag(source) as recording:
        original = list(recording.events())
    total = 0
    for topic in {event.topic for event in original}:
        files = sorted((tmp_path / "set" / "tables" / folder_of(topic)).rglob("*.parquet"))
        found = sorted((event for path in files for event in read_events(path)), key=lambda event: event.stamp_s)
        expected = sorted((event for event in original if event.topic == topic), key=lambda event: event.stamp_s)
        assert len(found) == len(expected)
        for a, b in zip(expected, found, strict=True):
            assert a.stamp_s == b.stamp_s and same(a.data, b.data), topic
        total += len(found)
    assert total == len(original) == sum(sum(rows.values()) for rows in done.content["rows"].values())


def as_sqlite(bag: Path, folder: Path) -> Path:
    """The same recording by another tool."""
    store = typestore()
    with open_bag(bag) as recording, Writer(folder, version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        reader = recording._reader
        made = {c.topic: writer.add_connection(c.topic, c.msgtype, typestore=store) for c in reader.connections}
        for connection, stamp_ns, raw in reader.messages():
            writer.write(made[connection.topic], stamp_ns, raw)
    return folder


@pytest.mark.parametrize("topic", [t for t in graph.TOPICS if t.recorded], ids=lambda t: t.name)
def test_columns_by_batch_are_those_of_message_by_message(topic: graph.Topic) -> None:
    raw = [serialized(topic.name, payload(topic, 12.5 + 0.1 * n)) for n in range(3)]
    fast, decoder = decoded(topic.name, raw)
    if topic.data is m.JointStates:  # the serializer leaves bytes behind, which the slow way refuses
        extra = next(n for n in range(1, 12) if len(decoded(topic.name, [raw[0][:-n]], slow=True)[0]))
        raw = [one[:-extra] for one in raw]
    slow, _ = decoded(topic.name, raw, slow=True)
    assert list(fast.columns) == list(columns_of(topic.data)) and len(fast) == 3
    assert np.array_equal(fast.stamp_s, slow.stamp_s, equal_nan=True)
    for name, array in fast.columns.items():
        if name != JSON:  # kept as it was sent
            assert array.equals(slow.columns[name]) or repr(array.to_pylist()) == repr(slow.columns[name].to_pylist())
    assert decoder.slow == 0


SCANS = st.lists(
    st.tuples(st.lists(st.floats(width=32), max_size=20), st.sampled_from(["lidar", "l", "", "前"])), max_size=8
)


@settings(max_examples=40, deadline=None)
@given(SCANS)
def test_scans_of_any_length_and_frame_are_decoded_in_one_batch(made: list[tuple[list[float], str]]) -> None:
    scans = [
        m.LaserScan(1.0 + n, frame, 0.5, 0.1, 0.1, 10.0, np.array(ranges, dtype=np.float32))
        for n, (ranges, frame) in enumerate(made)
    ]
    if not scans:
        return
    fast, decoder = decoded("scan", [serialized("scan", scan) for scan in scans])
    assert decoder.slow == 0
    assert fast.stamp_s.tolist() == [scan.stamp_s for scan in scans]
    assert fast.columns["frame_id"].to_pylist() == [scan.frame_id for scan in scans]
    for scan, found in zip(scans, fast.columns["ranges_m"].to_pylist(), strict=True):
        assert np.array_equal(scan.ranges_m, np.array(found, dtype=np.float32), equal_nan=True)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6), st.booleans())
def test_paths_of_any_length_are_decoded_in_one_batch(lengths: list[int], timed: bool) -> None:
    raw = []
    for n, count in enumerate(lengths):
        poses = np.column_stack([np.arange(count), np.arange(count) + n, np.linspace(-3, 3, count)])
        raw.append(
            serialized("plan", m.Path(5.0, "map", poses, 5.0 + np.arange(count, dtype=float) if timed else None))
        )
    fast, decoder = decoded("plan", raw)
    slow, _ = decoded("plan", raw, slow=True)
    assert decoder.slow == 0
    for name, array in fast.columns.items():
        assert array.to_pylist() == slow.columns[name].to_pylist(), name


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["scan", "imu/data", "plan", "state/objects", "heartbeat", "joint_states"]), st.data())
def test_cut_and_spoilt_messages_are_counted_and_the_others_kept(topic: str, data: st.DataObject) -> None:
    good = serialized(topic, payload(TOPIC[topic], 3.0))
    bad = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if bad:
            bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    table, _ = decoded(topic, [good, bytes(bad), good])
    assert len(table) + table.unreadable == 3 and len(table) >= 2
    assert table.stamp_s[0] == table.stamp_s[-1] == 3.0


def test_another_version_of_a_message_type_is_read_by_the_definition_in_the_bag() -> None:
    """A robot of another distribution: one field more at the end of LaserScan."""
    text = definition("sensor_msgs/msg/LaserScan").replace(
        "float32[] intensities", "float32[] intensities\nuint8 echo", 1
    )
    scan = payload(TOPIC["scan"], 2.0)
    raw = [serialized("scan", scan) + b"\x07"] * 2
    decoder = ChannelDecoder(Channel("/scan", "sensor_msgs/msg/LaserScan", "cdr", text), m.LaserScan)
    table = decoder.table(Batch([1, 2], [memoryview(one) for one in raw]))
    assert decoder.slow == 0 and table.columns["ranges_m"][1].as_py() == scan.ranges_m.tolist()


# --- labels ---


def test_rows_carry_mission_and_what_people_did(bag: Path, tmp_path: Path) -> None:
    export([bag], tmp_path / "set", Options(shares=Shares(1, 0, 0)))
    (path,) = (tmp_path / "set" / "tables" / "state__odometry").rglob("*.parquet")
    rows = pq.read_table(path).to_pylist()
    named = {row["mission"] for row in rows}
    assert {"to the shelves", "to the dock", "back"} <= named
    inside = [row for row in rows if 110.6 <= row["stamp_s"] <= 113.9]
    assert inside and {row["mission"] for row in inside} == {"to the dock"}
    before = [row for row in rows if row["stamp_s"] < 100.6]
    assert before and {row["mission"] for row in before} == {""}
    taken = [row for row in rows if row["intervention"] == "takeover"]
    assert [row["stamp_s"] for row in taken] == [pytest.approx(124.6)]
    (one,) = pq.read_table(tmp_path / "set" / "interventions.parquet").to_pylist()
    assert (one["what"], one["who"], one["mission"]) == ("takeover", "Aiko", "back")
    assert one["end_s"] - one["begin_s"] == pytest.approx(1.0)


def test_the_manifest_says_which_drives_it_is_made_of(bag: Path, tmp_path: Path) -> None:
    export([bag], tmp_path / "set", Options(licence="CC-BY-4.0", shares=HALVES))
    found = json.loads((tmp_path / "set" / "dataset.json").read_text(encoding="utf-8"))
    assert found["licence"] == "CC-BY-4.0" and found["split"]["seed"] == 0
    (told,) = found["bags"]
    assert told["recorded"]["site"] == "yard" and len(told["sha256"]) == 64 and told["interventions"] == 1
    assert [unit["mission"] for unit in told["units"] if unit["mission"]] == ["to the shelves", "to the dock", "back"]
    assert told["units"][1]["instruction"] == "棚の前まで行って" and told["units"][1]["completed"]
    assert sum(found["units"].values()) == len(told["units"])


# --- splits ---


def test_parts_share_no_mission_and_reading_one_opens_no_other(bags: list[Path], tmp_path: Path) -> None:
    done = export(bags, tmp_path / "set", Options(shares=HALVES))
    units: dict[str, set[str]] = {part: set() for part in PARTS}
    for path in (tmp_path / "set" / "tables").rglob("*.parquet"):
        units[path.parent.name.removeprefix("split=")] |= set(units_in(path))
    assert not (
        units["train"] & units["test"] or units["train"] & units["validation"] or units["test"] & units["validation"]
    )
    assert set().union(*units.values()) == set(done.parts) and all(units.values())


def test_more_bags_move_no_mission(bags: list[Path], tmp_path: Path) -> None:
    few = export(bags[:1], tmp_path / "few", Options(shares=HALVES)).parts
    more = export(bags, tmp_path / "more", Options(shares=HALVES)).parts
    assert few.items() <= more.items() and len(more) > len(few)
    other = export(bags, tmp_path / "other", Options(shares=dataclasses.replace(HALVES, seed=1))).parts
    assert other.keys() == more.keys() and other != more


def test_a_cut_of_a_drive_goes_where_the_drive_goes(bag: Path, tmp_path: Path) -> None:
    """As an incident is: some seconds of a mission, in a file of its own."""
    run = [event for event in missions(["to the shelves", "to the dock", "back"]) if 101.0 <= event[2] <= 103.0]
    cut = write_bag(tmp_path / "cut", run)[0]
    for seed in range(8):
        shares = dataclasses.replace(HALVES, seed=seed)
        whole, part = look_at(bag), look_at(cut)
        drawn = draw([whole, part], shares)
        (mission,) = (unit for unit in whole.units if unit.mission == "to the shelves")
        assert {drawn[unit.name] for unit in part.units} == {drawn[mission.name]}


def test_a_copy_is_used_once(bag: Path, tmp_path: Path) -> None:
    shutil.copytree(bag, tmp_path / "copy")
    done = export([bag, tmp_path / "copy"], tmp_path / "set")
    assert len(done.recordings) == 1 and [Path(name).name for name in done.duplicates] == ["copy"]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.lists(st.text(min_size=1, max_size=8), min_size=60, max_size=60, unique=True))
def test_shares_are_kept_on_the_whole(seed: int, names: list[str]) -> None:
    recording = Recording(Path("x"), "f" * 64, {}, tuple(Unit("b", n, name, n, n) for n, name in enumerate(names)))
    drawn = list(draw([recording], Shares(50, 0, 50, seed)).values())
    assert "validation" not in drawn and 8 <= drawn.count("train") <= 52
    assert draw([recording], Shares(0, 0, 1, seed)) == {unit.name: "test" for unit in recording.units}


def test_a_leak_would_be_told() -> None:
    wanted = {"a/1": "train", "a/2": "test"}
    require_apart([("a/1", "train"), ("a/2", "test"), ("a/1", "train")], wanted)
    for wrong in ([("a/1", "test")], [("a/1", "train"), ("a/1", "test")], [("a/3", "train")]):
        with pytest.raises(PhysicalAIError, match="belongs to"):
            require_apart(wrong, wanted)


@pytest.mark.parametrize("text", ["80", "a/b/c", "1/2/3/4", "-1/1/1", "0/0/0", "nan/1/1", ""])
def test_a_split_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no split"):
        Shares.parse(text)


# --- whole or not at all ---


def spoilt(bag: Path, to: Path, how: str) -> Path:
    shutil.copytree(bag, to)
    (path,) = to.glob("*.mcap")
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[1000::997] = bytes(byte ^ 0xFF for byte in content[1000::997])
    elif how == "no magic":
        content[:4] = b"\0\0\0\0"
    elif how == "empty":
        content = bytearray()
    path.write_bytes(bytes(content))
    return to


@pytest.mark.parametrize("how", ["flipped", "no magic", "empty"])
def test_a_damaged_bag_is_an_error_and_the_older_set_stays(bag: Path, tmp_path: Path, how: str) -> None:
    bad = spoilt(bag, tmp_path / "bad", how)
    export([bag], tmp_path / "set")
    before = (tmp_path / "set" / "dataset.json").read_bytes()
    with pytest.raises(BagError, match="bad"):
        export([bag, bad], tmp_path / "set")
    assert (tmp_path / "set" / "dataset.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "set"]
    done = export([bag, bad], tmp_path / "set", Options(skip_broken=True))
    assert list(done.broken) == [str(bad)] and len(done.recordings) == 1


def test_a_cut_bag_is_recovered_and_what_is_whole_exported(bag: Path, tmp_path: Path) -> None:
    shutil.copytree(bag, tmp_path / "cut")
    (path,) = (tmp_path / "cut").glob("*.mcap")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = export([tmp_path / "cut"], tmp_path / "set")
    assert 0 < done.content["rows"]["state/odometry"]["train"] < 600


def test_a_folder_of_other_things_is_left_alone(bag: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="no data set"):
        export([bag], tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_bag_of_strangers_is_refused_with_what_was_found(tmp_path: Path) -> None:
    from physical_ai_telemetry.parameters import TelemetryParameters
    from physical_ai_telemetry.recorder import Recorder
    from physical_ai_telemetry.split import RecordedTopic

    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run"))
    recorder.start()
    recorder.write(RecordedTopic("/somebody/else", "std_msgs/msg/Bool"), 1, serialized("tool", m.Flag(True)))
    recorder.stop()
    with pytest.raises(BagError, match="no message of the graph"):
        export([tmp_path / "run"], tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_several_processes_write_the_same_set(bags: list[Path], tmp_path: Path) -> None:
    export(bags, tmp_path / "one", Options(shares=HALVES))
    export(bags, tmp_path / "two", Options(shares=HALVES, jobs=2))
    names = sorted(str(path.relative_to(tmp_path / "one")) for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert names == sorted(str(p.relative_to(tmp_path / "two")) for p in (tmp_path / "two").rglob("*") if p.is_file())
    for name in names:
        one, two = tmp_path / "one" / name, tmp_path / "two" / name
        if name.endswith(".parquet"):
            assert pq.read_table(one).equals(pq.read_table(two)), name
        else:
            assert one.read_bytes() == two.read_bytes()
