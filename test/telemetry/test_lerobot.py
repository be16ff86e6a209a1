"""LeRobot episodes hold what the bag says, at true stamps, in the layout that its library documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from drives import Said, missions
from made_run import events, write_bag

from physical_ai_core import messages as m
from physical_ai_core.errors import BagError
from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.dataset import Options, export
from physical_ai_telemetry.dataset.frames import FAR_M, SECTORS
from physical_ai_telemetry.dataset.lerobot import features, read_frames
from physical_ai_telemetry.dataset.parts import Shares

ALL = Shares(1.0, 0.0, 0.0)
FPS = 10


def driven(run: list[Said], scans: bool = True) -> list[Said]:
    """The run with the commands that led to it, 7 ms after each odometry, and a scan of one near thing ahead."""
    found = []
    for topic, data, stamp_s in run:
        found.append((topic, data, stamp_s))
        if topic == "state/odometry":
            speed = float(data.linear_mps[0])
            found.append(
                ("cmd_vel", m.Twist(stamp_s + 0.007, "base_link", speed + stamp_s / 1000, -0.1), stamp_s + 0.007)
            )
            if scans:
                ranges = np.full(360, np.inf, dtype=np.float32)
                ranges[178:182] = 2.0 + speed
                found.append(("scan", m.LaserScan(stamp_s, "lidar", -np.pi, np.pi / 180, 0.1, 20.0, ranges), stamp_s))
    return found


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bag(tmp_path_factory.mktemp("bags"), driven(list(missions(["to the shelves", "to the dock"]))))[0]


@pytest.fixture(scope="module")
def made(bag: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sets") / "set"
    export([bag], out, Options("lerobot", ALL, fps=FPS))
    return out / "train"


def test_every_frame_is_what_the_bag_said_at_its_true_stamp(bag: Path, made: Path) -> None:
    with open_bag(bag) as recording:
        heard = list(recording.events(["state/odometry", "cmd_vel"]))
    odometry = {e.stamp_s: e.data for e in heard if e.topic == "state/odometry"}
    commands = {e.stamp_s: e.data for e in heard if e.topic == "cmd_vel"}
    stamps, said = np.array(sorted(odometry)), np.array(sorted(commands))
    begins = {row["episode_index"]: row["begin_s"] for row in episodes(made)}
    frames = list(read_frames(made))
    assert len(frames) > 70
    for frame in frames:
        at_s = begins[frame["episode_index"]] + frame["frame_index"] / FPS
        assert frame["timestamp"] == pytest.approx(frame["frame_index"] / FPS)
        seen_s, done_s = frame["observation.stamp_s"], frame["action.stamp_s"]
        state, command = odometry[seen_s], commands[done_s]  # the stamps are those of real messages
        assert seen_s <= at_s + 1e-6 and not ((stamps > seen_s) & (stamps <= at_s - 1e-6)).any()
        assert done_s > at_s - 1e-6 or frame["next.done"]
        assert not ((said < done_s) & (said > at_s + 1e-6)).any()
        expected = [*state.planar_pose(), state.linear_mps[0], state.angular_rps[2]]
        assert frame["observation.state"] == pytest.approx(expected, rel=1e-6, abs=1e-7)
        assert frame["action"] == pytest.approx([command.linear_x_mps, command.angular_z_rps], rel=1e-6)


def test_the_scan_is_the_nearest_return_of_each_sector(made: Path) -> None:
    for frame in read_frames(made):
        sectors = frame["observation.environment_state"]
        assert len(sectors) == SECTORS and sorted(sectors)[2] == pytest.approx(FAR_M)
        assert sectors[SECTORS // 2] == pytest.approx(2.0 + frame["observation.state"][3], abs=0.01)


def test_episodes_are_missions_with_the_sentence_as_their_task(made: Path) -> None:
    rows, frames = episodes(made), list(read_frames(made))
    assert [row["tasks"] for row in rows] == [["棚の前まで行って"]] * 2
    assert {frame["task"] for frame in frames} == {"棚の前まで行って"}
    for row in rows:
        mine = frames[row["dataset_from_index"] : row["dataset_to_index"]]
        assert len(mine) == row["length"] and {frame["episode_index"] for frame in mine} == {row["episode_index"]}
        assert [frame["next.done"] for frame in mine] == [False] * (len(mine) - 1) + [True]
    assert [frame["index"] for frame in frames] == list(range(len(frames)))
    assert 4 <= sum(frame["intervention"] for frame in frames) <= 6  # the last half second of the odometry


def test_the_layout_is_the_one_that_lerobot_reads(made: Path) -> None:
    info = json.loads((made / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["fps"] == FPS and info["video_path"] is None
    assert (info["total_episodes"], info["total_tasks"]) == (2, 1) and info["splits"] == {"train": "0:2"}
    assert (made / info["data_path"].format(chunk_index=0, file_index=0)).exists()
    table = pq.read_table(made / "data" / "chunk-000" / "file-000.parquet")
    assert table.num_rows == info["total_frames"]
    kinds = {"float32": "float", "float64": "double", "int64": "int64", "bool": "bool"}
    assert info["features"] == features(with_scan=True) and set(table.column_names) == set(info["features"])
    for name, about in info["features"].items():
        kind, width = kinds[about["dtype"]], about["shape"][0]
        found = str(table.schema.field(name).type)
        assert found == kind if width == 1 else found.startswith("fixed_size_list") and found.endswith(f"[{width}]")
    tasks = pq.read_table(made / "meta" / "tasks.parquet")
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["__index_level_0__"]


def test_statistics_are_those_of_the_frames(made: Path) -> None:
    stats = json.loads((made / "meta" / "stats.json").read_text())
    frames = list(read_frames(made))
    for name in ("observation.state", "action"):
        values = np.array([frame[name] for frame in frames])
        assert stats[name]["mean"] == pytest.approx(values.mean(0), rel=1e-6, abs=1e-9)
        assert stats[name]["std"] == pytest.approx(values.std(0), rel=1e-6, abs=1e-9)
        assert stats[name]["q50"] == pytest.approx(np.median(values, axis=0), rel=1e-6, abs=1e-9)
        assert stats[name]["count"] == [len(frames)]
    one = episodes(made)[1]
    mine = np.array([f["action"] for f in frames[one["dataset_from_index"] : one["dataset_to_index"]]])
    assert one["stats/action/max"] == pytest.approx(mine.max(0))


def test_parts_are_data_sets_of_their_own(bag: Path, tmp_path: Path) -> None:
    for seed in range(20):
        out = tmp_path / str(seed)
        done = export([bag], out, Options("lerobot", Shares(1, 0, 1, seed), fps=5))
        if len(set(done.content["frames"]["episodes"].values()) - {0}) == 1 and all(
            (out / p).exists() for p in ("train", "test")
        ):
            break
    else:
        pytest.fail("no seed divides two missions")
    train, test = ({row["unit"] for row in episodes(out / part)} for part in ("train", "test"))
    assert train and test and not train & test and not (out / "validation").exists()


def test_missions_without_commands_are_told(tmp_path: Path) -> None:
    bag = write_bag(tmp_path, events(3.0))[0]
    with pytest.raises(BagError, match="cmd_vel"):
        export([bag], tmp_path / "set", Options("lerobot"))
    assert not (tmp_path / "set").exists()


def episodes(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(
        folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    ).to_pylist()
    return found
