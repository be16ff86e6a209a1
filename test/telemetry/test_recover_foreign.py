"""What recovery must not touch: files of others, files that are none, and the original while its copy is unfinished."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_run import events, recorded, serialized
from matplotlib.image import imsave
from mcap.writer import Writer
from rosbags.highlevel import AnyReader

from physical_ai_core.errors import BagError
from physical_ai_telemetry import recover as module
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.incident_writer import FOLDER, RECORDING, write_story
from physical_ai_telemetry.mend import mend, story_of
from physical_ai_telemetry.recover import MAGIC, is_finished, recover
from physical_ai_telemetry.split import Split

RUN = list(events(8.0))
EVERY = 50  # messages a chunk
PER_TEST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of 600 messages in chunks of 50, uncompressed."""
    path = tmp_path_factory.mktemp("whole") / "run_0.mcap"
    split = Split(path, "none", {"site": "yard"})
    for k, (topic, data, stamp_s) in enumerate(RUN[:600]):
        split.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
        if k % EVERY == EVERY - 1:
            split.flush()
    split.close()
    return path.read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@PER_TEST
@given(content=st.binary(min_size=1, max_size=400))
def test_bytes_that_are_no_mcap_are_refused_and_left_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, content: bytes
) -> None:
    if content[: len(MAGIC)] == MAGIC[: len(content)]:
        return
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "notes_0.mcap").write_bytes(content)
    (folder / "run_1.mcap").write_bytes(whole[: len(whole) // 2])
    before = contents(folder)
    with pytest.raises(BagError, match="is no MCAP") as refused:
        recover(folder)
    assert "notes_0.mcap" in refused.value.cause and "Move it out" in refused.value.mend
    assert contents(folder) == before, "nothing beside it is changed either"


def test_a_picture_under_the_name_of_a_recording_survives_every_reader(tmp_path: Path) -> None:
    imsave(tmp_path / "run_0.mcap", [[0.0, 1.0], [1.0, 0.0]], format="png")
    before = contents(tmp_path)
    with pytest.raises(BagError, match="89 50 4e 47"):
        recover(tmp_path)
    with pytest.raises(BagError), open_bag(tmp_path):
        pass
    assert contents(tmp_path) == before


@pytest.mark.parametrize("length", [0, 1, 7, 8, 20])
def test_a_file_that_had_just_begun_becomes_an_empty_bag_or_goes(tmp_path: Path, whole: bytes, length: int) -> None:
    """A full disk leaves such files: nothing is in them that could be lost."""
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    for folder in (alone, beside):
        folder.mkdir()
        (folder / "run_1.mcap").write_bytes(whole[:length])
    (beside / "run_0.mcap").write_bytes(whole)
    assert recover(alone).recovered == ("run_1.mcap",)
    with AnyReader([alone]) as reader:
        assert reader.message_count == 0
    assert recover(beside).removed == ("run_1.mcap",)
    assert (beside / "run_0.mcap").read_bytes() == whole


def other_tools_file(path: Path) -> bytes:
    """An MCAP of another writer, one chunk a message, with its end."""
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=1)
        writer.start(profile="ros2", library="another tool")
        schema = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data")
        channel = writer.register_channel("words", "cdr", schema)
        for k in range(20):
            writer.add_message(channel, k, b"\0\1\0\0" + b"\2\0\0\0a\0", k)
        writer.finish()
    return path.read_bytes()


def test_another_tools_unfinished_file_is_recovered_where_it_can_be_read_and_else_left(tmp_path: Path) -> None:
    path = tmp_path / "run_0.mcap"
    content = other_tools_file(path)
    path.write_bytes(content[: len(content) // 2])
    assert recover(tmp_path).messages > 0
    path.write_bytes(content[:60] + bytes(300))  # nothing of it can be read
    before = contents(tmp_path)
    with pytest.raises(BagError, match="another tool"):
        recover(tmp_path)
    assert contents(tmp_path) == before


@PER_TEST
@given(share=st.floats(0.0, 1.0, exclude_max=True))
def test_a_file_cut_anywhere_keeps_all_whole_chunks(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, share: float
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    length = int(share * len(whole))
    (folder / "run_0.mcap").write_bytes(whole[:length])
    done = recover(folder)
    with AnyReader([folder]) as reader:
        stamps = [stamp for _, stamp, _ in reader.messages()]
    expected = sorted(round(stamp_s * 1e9) for _, _, stamp_s in RUN[: done.messages])
    assert sorted(stamps) == expected and done.messages % EVERY == 0
    assert [path.name for path in folder.iterdir() if path.name.endswith(".part")] == []


FULL = """
import json, resource, signal, sys
from physical_ai_core.errors import BagError
from physical_ai_telemetry.recover import recover
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    recover(sys.argv[1])
    print(json.dumps(["", ""]))
except BagError as error:
    print(json.dumps([error.cause, error.mend]))
"""


def test_a_disk_that_fills_during_recovery_costs_nothing_but_the_try(tmp_path: Path, whole: bytes) -> None:
    cut_off = whole[: int(0.9 * len(whole))]
    trial, folder = tmp_path / "trial", tmp_path / "full"
    for one in (trial, folder):
        one.mkdir()
        (one / "run_0.mcap").write_bytes(cut_off)
    recover(trial)
    needed = (trial / "run_0.mcap").stat().st_size
    before = contents(folder)
    for limit in (0, 200, needed // 2, needed - 1):
        done = subprocess.run(
            [sys.executable, "-c", FULL, str(folder), str(limit)], capture_output=True, text=True, check=True
        )
        cause, mend_ = json.loads(done.stdout)
        assert "cannot be recovered" in cause and "Free space" in mend_
        assert contents(folder) == before, "the original stands, and no half copy fills the disk"
    assert recover(folder).messages > 0 and is_finished(folder / "run_0.mcap")


def test_the_original_is_there_until_the_copy_is_on_the_disk(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = whole[: int(0.7 * len(whole))]
    path = tmp_path / "run_0.mcap"
    path.write_bytes(original)
    seen: list[bool] = []
    sync = module.os.fsync

    def watched(handle: int) -> None:
        seen.append(path.read_bytes() == original)
        sync(handle)

    monkeypatch.setattr(module.os, "fsync", watched)
    recover(tmp_path)
    assert seen == [True, False], "file before its name, folder after it"


def test_an_incident_that_cannot_be_finished_keeps_no_other_from_it(tmp_path: Path, whole: bytes) -> None:
    for name, content in (("a", b"not a recording"), ("b", whole[: len(whole) // 2])):
        folder = tmp_path / FOLDER / name
        folder.mkdir(parents=True)
        (folder / f"{name}_0.mcap").write_bytes(content)
        write_story(folder, {"state": RECORDING})
    with pytest.raises(BagError, match="is no MCAP"):
        mend(tmp_path)
    assert story_of(tmp_path / FOLDER / "a")["state"] == RECORDING
    assert story_of(tmp_path / FOLDER / "b")["state"] != RECORDING
    assert (tmp_path / FOLDER / "a" / "a_0.mcap").read_bytes() == b"not a recording"
