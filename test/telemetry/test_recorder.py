"""A recording opens everywhere, and nothing that happens to the recorder costs more than its last second."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_run import events, recorded, serialized, wait_until, write_bag
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from physical_ai_core import messages as m
from physical_ai_core.errors import BagError
from physical_ai_telemetry import bag_writer
from physical_ai_telemetry import recorder as recorder_module
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.kpi import kpis_of_bag, kpis_of_events
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import Recorder, bag_folder
from physical_ai_telemetry.recover import is_finished, recover
from physical_ai_telemetry.split import Split

HERE = Path(__file__).parent
RUN = list(events(8.0))


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bag(tmp_path_factory.mktemp("bags"), RUN)[0]


def test_rosbags_and_mcap_open_a_recording_and_find_every_message(bag: Path) -> None:
    with AnyReader([bag]) as reader:
        assert reader.message_count == len(RUN)
        connection = next(c for c in reader.connections if c.topic == "/state/odometry")
        _, stamp_ns, raw = next(reader.messages([connection]))
        message = reader.deserialize(raw, connection.msgtype)
        assert message.child_frame_id == "base_link"
        assert stamp_ns == pytest.approx(100.02e9)
    with next(bag.glob("*.mcap")).open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary is not None and summary.statistics is not None
    assert summary.statistics.message_count == len(RUN)
    assert all(index.compression == "zstd" for index in summary.chunk_indexes)
    assert {schema.encoding for schema in summary.schemas.values()} == {"ros2msg"}


def test_the_metadata_is_what_rosbag2_writes(bag: Path) -> None:
    info = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (info["version"], info["storage_identifier"], info["message_count"]) == (5, "mcap", len(RUN))
    assert info["relative_file_paths"] == ["run_0.mcap"]
    topics = {entry["topic_metadata"]["name"]: entry for entry in info["topics_with_message_count"]}
    assert topics["/goal_state"]["topic_metadata"]["type"] == "std_msgs/msg/String"
    latched = yaml.safe_load(topics["/goal_state"]["topic_metadata"]["offered_qos_profiles"])[0]
    sensor = {"reliability": 1, "durability": 1, "depth": 1}
    assert {name: latched[name] for name in sensor} == sensor


def test_what_is_read_back_is_what_was_said(bag: Path) -> None:
    with open_bag(bag) as recording:
        assert kpis_of_events(recording.events()) == kpis_of_events(RUN)
        assert recording.unreadable == 0
    assert kpis_of_bag(str(bag)).missions_begun == 1


def test_a_namespace_is_found_and_can_be_chosen(tmp_path: Path) -> None:
    folder, _ = write_bag(tmp_path, RUN[:200], "/robot1")
    with open_bag(folder) as recording:
        assert recording.count("state/odometry") > 0
    with open_bag(folder, namespace="robot2") as recording:
        assert not recording.mapping


def test_a_small_split_size_gives_several_files_and_one_bag(tmp_path: Path) -> None:
    scan = serialized(
        "scan", m.LaserScan(1.0, "lidar", 0.0, 0.01, 0.1, 20.0, np.random.default_rng(0).random(720, dtype=np.float32))
    )
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run", split_mb=1.0, compression="none"))
    recorder.start()
    for k in range(1500):
        recorder.write(recorded("scan"), k * 10_000_000, scan)
        if k % 100 == 0:
            assert wait_until(lambda: not recorder._queue)
    recorder.stop()
    assert len(splits(tmp_path / "run")) >= 3
    with AnyReader([tmp_path / "run"]) as reader:
        stamps = [stamp for _, stamp, _ in reader.messages()]
    assert stamps == [k * 10_000_000 for k in range(1500)]
    assert recorder.status().dropped == 0


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


@pytest.fixture(scope="module")
def chunked(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An MCAP of many small chunks, as a recorder leaves it that flushes often."""
    path = tmp_path_factory.mktemp("split") / "run_0.mcap"
    split = Split(path, "zstd", {"site": "yard"})
    for k, (topic, data, stamp_s) in enumerate(RUN[:600]):
        split.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
        if k % 50 == 49:
            split.flush()
    split.close()
    return path.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(share=st.floats(0.001, 0.999), noise=st.binary(max_size=40))
def test_a_file_cut_anywhere_with_garbage_behind_it_is_recovered_up_to_its_last_chunk(
    chunked: bytes, tmp_path_factory: pytest.TempPathFactory, share: float, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    length = int(len(chunked) * share)
    (folder / "run_0.mcap").write_bytes(chunked[:length] + noise)
    done = recover(folder)
    if done.messages == 0:
        assert share < 0.5
    with AnyReader([folder]) as reader:
        found = list(reader.messages())
        assert len(found) == reader.message_count == done.messages
    assert done.messages % 50 == 0 and done.messages <= 600
    assert done.lost_bytes < 0.5 * len(chunked)
    assert recover(folder).recovered == ()


def test_a_recording_in_progress_is_left_alone(tmp_path: Path) -> None:
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run"))
    recorder.start()
    assert wait_until(lambda: splits(tmp_path / "run"))
    with pytest.raises(BagError, match="still being recorded"):
        recover(tmp_path / "run")
    recorder.stop()


KILLED = """
import os, signal, sys, time
sys.path.insert(0, {here!r})
from made_run import events, recorded, serialized
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import Recorder
recorder = Recorder(TelemetryParameters(output_folder={root!r}, flush_s=0.3))
recorder.start()
for k, (topic, data, stamp_s) in enumerate(events(8.0)):
    recorder.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
    if k == 500:
        while recorder.status().messages <= 500: time.sleep(0.02)
        time.sleep(0.8)
        print("flushed", flush=True)
    if k == 550:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_recorder_loses_at_most_its_last_second_and_its_successor_goes_on_in_the_same_bag(
    tmp_path: Path,
) -> None:
    code = KILLED.format(here=str(HERE), root=str(tmp_path))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL and "flushed" in killed.stdout, killed.stderr
    (folder,) = tmp_path.iterdir()
    assert not is_finished(splits(folder)[0])

    settings = TelemetryParameters(output_folder=str(tmp_path))
    assert bag_folder(settings) == folder
    successor = Recorder(settings)
    successor.start()
    for topic, data, stamp_s in RUN[600:700]:
        successor.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
    successor.stop()
    assert [path.name for path in splits(folder)] == [f"{folder.name}_0.mcap", f"{folder.name}_1.mcap"]
    with AnyReader([folder]) as reader:
        assert 500 + 100 <= reader.message_count <= 551 + 100


def test_a_bag_left_by_a_killed_recorder_opens_by_itself(tmp_path: Path) -> None:
    code = KILLED.format(here=str(HERE), root=str(tmp_path))
    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    (folder,) = tmp_path.iterdir()
    with open_bag(folder) as recording:
        assert recording.message_count >= 500


def test_a_folder_that_cannot_be_written_is_a_reported_failure_and_no_exception(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    recorder = Recorder(TelemetryParameters(output_folder=str(in_the_way), bag="run"))
    recorder.start()
    recorder.write(recorded("emergency_stop"), 1, serialized("emergency_stop", m.Flag(True)))
    assert wait_until(lambda: recorder.status().state == "failed")
    assert wait_until(lambda: recorder.status().dropped == 1)
    assert str(in_the_way) in recorder.status().error and "output_folder" in recorder.status().error
    recorder.stop()


def test_a_full_disk_pauses_the_recording_counts_what_is_lost_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = False

    def flush(self: Split) -> None:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._writer.flush()

    monkeypatch.setattr(Split, "flush", flush)
    monkeypatch.setattr(bag_writer, "RETRY_S", 0.2)
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run", flush_s=0.1))
    data = serialized("emergency_stop", m.Flag(True))

    def say(count: int) -> None:
        for _ in range(count):
            recorder.write(recorded("emergency_stop"), 1, data)

    recorder.start()
    say(10)
    assert wait_until(lambda: recorder.status().messages == 10)
    full = True
    assert wait_until(lambda: recorder.status().state == "failed")
    say(5)
    assert wait_until(lambda: recorder.status().dropped >= 5)
    full = False
    assert wait_until(lambda: recorder.status().state == "recording")
    say(7)
    recorder.stop()
    with AnyReader([tmp_path / "run"]) as reader:
        assert reader.message_count == recorder.status().messages
    assert recorder.status().messages + recorder.status().dropped == 22


def test_too_little_free_space_is_refused_before_the_disk_is_full(tmp_path: Path) -> None:
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), min_free_mb=1e12))
    recorder.start()
    assert wait_until(lambda: recorder.status().state == "failed")
    assert "free" in recorder.status().error
    recorder.stop()


def test_a_slow_disk_fills_the_queue_up_to_its_bound_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PAUSE_S", 3600.0)
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run", queue_mb=1.0))
    recorder.start()
    data = bytes(10_000)
    for _ in range(300):
        recorder.write(recorded("points"), 1, data)
    assert recorder.status().dropped == 300 - 101
    recorder.stop()
    assert recorder.status().messages == 101


def test_the_oldest_files_go_first_and_strangers_are_left_alone(tmp_path: Path) -> None:
    from physical_ai_telemetry.quota import prune

    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "stranger_0.mcap").write_bytes(b"\x89MCAP0\r\n" + b"somebody else's" * 10_000)
    for age, name in enumerate(("new", "old", "oldest")):
        write_bag(tmp_path / "made", RUN[:50])
        (tmp_path / "made" / "run").rename(tmp_path / name)
        file = splits(tmp_path / name)[0]
        os.utime(file, (1e9 - age, 1e9 - age))
    size = splits(tmp_path / "new")[0].stat().st_size
    deleted = prune(tmp_path, int(2.5 * size))
    assert [path.parent.name for path in deleted] == ["oldest"]
    assert not (tmp_path / "oldest").exists() and (stranger / "stranger_0.mcap").exists()
    assert len(prune(tmp_path, 0)) == 2
    assert (stranger / "stranger_0.mcap").exists()


def test_what_is_no_bag_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "x.mcap").write_bytes(b"nonsense" * 100)
    for path in (tmp_path / "x.mcap", tmp_path / "absent", tmp_path / "absent.bag"):
        with pytest.raises(BagError, match="cannot be read"), open_bag(path):
            pass
    with pytest.raises(BagError, match="no MCAP"):
        recover(tmp_path / "absent")
