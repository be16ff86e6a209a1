"""Reports and data sets made from a bag say what the bag says."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_run import GOAL_ID, events, write_bag
from PIL import Image
from traffic import payload

from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import BagError
from physical_ai_core.goal import GoalState
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.export import _Table, export_bag, read_events
from physical_ai_telemetry.flatten import flatten
from physical_ai_telemetry.report import write_report

RUN = list(events(6.0))


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bag(tmp_path_factory.mktemp("bags"), RUN)[0]


@pytest.fixture(scope="module")
def whole_drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bag(tmp_path_factory.mktemp("bags"), events(25.0))[0]


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


def test_every_event_of_a_bag_comes_back_from_its_tables(bag: Path, tmp_path: Path) -> None:
    done = export_bag(bag, tmp_path / "set")
    assert done.missions == (GOAL_ID,)
    with open_bag(bag) as recording:
        original = list(recording.events())
    assert sum(rows for _, rows in done.tables.values()) == len(original)
    for topic, (path, rows) in done.tables.items():
        expected = [event for event in original if event.topic == topic]
        found = list(read_events(path))
        assert len(found) == rows == len(expected)
        for a, b in zip(expected, found, strict=True):
            assert a.stamp_s == b.stamp_s and same(a.data, b.data), topic


def test_rows_carry_the_mission_they_belong_to(bag: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    done = export_bag(bag, tmp_path / "set", topics=["state/odometry"])
    assert list(done.tables) == ["state/odometry"]
    table = pq.read_table(done.tables["state/odometry"][0]).to_pydict()
    missions = dict(zip(table["stamp_s"], table["mission"], strict=True))
    assert missions[min(missions)] == "" and set(missions.values()) == {"", GOAL_ID}
    assert [stamp for stamp, name in missions.items() if name] == [stamp for stamp in missions if stamp >= 100.6]


@pytest.mark.parametrize("topic", [t for t in graph.TOPICS if t.recorded], ids=lambda topic: topic.name)
def test_every_kind_of_payload_survives_the_table(topic: graph.Topic, tmp_path: Path) -> None:
    if topic.data is m.Image:
        pytest.skip("images are not recorded by default")
    data = payload(topic, 12.5)
    table = _Table(topic.name, tmp_path / "t.parquet")
    table.add({"stamp_s": 12.5, "mission": "", **flatten(data)})
    table.close()
    (event,) = read_events(tmp_path / "t.parquet")
    assert event.data == data if isinstance(data, GoalState) else same(event.data, data)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(width=32), max_size=50), st.floats(allow_nan=False))
def test_any_numbers_survive_the_table(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[float], angle: float
) -> None:
    path = tmp_path_factory.mktemp("t") / "scan.parquet"
    scan = m.LaserScan(1.0, "lidar", angle, 0.1, 0.1, 10.0, np.array(ranges, dtype=np.float32))
    table = _Table("scan", path)
    table.add({"stamp_s": 1.0, "mission": "", **flatten(scan)})
    table.close()
    (event,) = read_events(path)
    assert same(event.data, scan)


def test_the_report_is_one_page_with_pictures_words_and_figures(whole_drive: Path, tmp_path: Path) -> None:
    paths = write_report(
        whole_drive, "yard", tmp_path / "out", None, {"verdict": "goal <reached>", "good": True, "seed": 3}
    )
    page = paths.html.read_text(encoding="utf-8")
    for text in (
        "棚の前まで行って",
        "着きました。",
        "I am there.",
        "Someone is in the way.",
        "stop rate",
        "goal &lt;reached&gt;",
    ):
        assert text in page
    assert page.count("data:image/png;base64,") == 2
    assert "http://" not in page and "https://" not in page and 'src="/' not in page
    with Image.open(paths.picture) as picture:
        assert min(picture.size) > 500
        blue = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (blue == [0x15, 0x65, 0xC0]).all(axis=1).sum() > 500, "the path is not in the picture"


def test_a_run_that_never_began_still_gives_a_report(tmp_path: Path) -> None:
    folder, _ = write_bag(tmp_path, RUN[:1])
    assert write_report(folder, "yard", tmp_path / "out").html.exists()


def test_a_bag_of_strangers_is_refused_with_what_was_found(tmp_path: Path) -> None:
    from made_run import serialized

    from physical_ai_telemetry.parameters import TelemetryParameters
    from physical_ai_telemetry.recorder import Recorder
    from physical_ai_telemetry.split import RecordedTopic

    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run"))
    recorder.start()
    recorder.write(RecordedTopic("/somebody/else", "std_msgs/msg/Bool"), 1, serialized("tool", m.Flag(True)))
    recorder.stop()
    with pytest.raises(BagError, match="/somebody/else"):
        export_bag(tmp_path / "run", tmp_path / "set")
