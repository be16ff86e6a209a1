"""A real robot's bag replays faster than real time and to the bit, and what is missing is named."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import odometry

from physical_ai_bench.replay import ReplayConfig, load_replay_config, replay
from physical_ai_bench.trajectory import Trajectory, read_tum
from physical_ai_core.errors import BagError, InputError, ParameterError
from physical_ai_core.share import share_path

BAG = Path(__file__).parents[1] / "data" / "husky" / "test1.bag"
needs_bag = pytest.mark.skipif(not BAG.exists(), reason=f"{BAG} is absent")
PROGRAM = """
import sys
from physical_ai_bench.replay import load_replay_config, replay
replay(sys.argv[1], load_replay_config("husky_test1"), sys.argv[2], first_s=12.0)
"""


def digest(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@needs_bag
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(BAG), str(folder)],
            stderr=subprocess.PIPE, env={"PATH": "", "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        )
        for folder, seed in zip(folders, ("1", "2"), strict=True)
    ]  # fmt: skip
    for run in runs:
        _, errors = run.communicate(timeout=110)
        assert run.returncode == 0, errors.decode()
    assert sorted(digest(folders[0])) == ["test1.png", "test1.tum"]
    assert digest(folders[0]) == digest(folders[1])
    rows = read_tum(folders[0] / "test1.tum")
    assert len(rows) > 1000 and np.isfinite(rows).all()
    assert (np.diff(rows[:, 0]) > 0.0).all()
    assert np.linalg.norm(rows[:, 4:], axis=1) == pytest.approx(1.0)


@needs_bag
@pytest.mark.slow
def test_the_whole_recording_ends_where_the_other_filter_ends(tmp_path: Path) -> None:
    result = replay(BAG, load_replay_config("husky_test1"), tmp_path)
    assert result.agrees
    assert result.distance_m > 300.0


@needs_bag
def test_missing_topics_are_named_with_what_was_found(tmp_path: Path) -> None:
    config = ReplayConfig(topics={"/imu/data": "imu/data", "/no/such": "wheel/odometry"})
    with pytest.raises(BagError, match=r"lacks what is needed as wheel/odometry.*/fix") as error:
        replay(BAG, config, tmp_path)
    assert error.value.exit_code == 2


@needs_bag
def test_a_bag_without_a_mapping_says_what_perception_needs(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="wheel/odometry"):
        replay(BAG, ReplayConfig(), tmp_path)


def test_bad_configurations_are_refused_before_the_bag_is_read(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("topics: {/x: nothing_of_ours}")
    with pytest.raises(InputError, match="nothing_of_ours"):
        load_replay_config(str(file))
    file.write_text("topic: {}")
    with pytest.raises(InputError, match="topic"):
        load_replay_config(str(file))
    with pytest.raises(InputError, match="husky_test1"):
        load_replay_config("absent")
    with pytest.raises(ParameterError, match="no_such"):
        replay("absent.bag", ReplayConfig(parameters={"perception": {"no_such": 1}}), tmp_path)


def test_every_replay_configuration_of_the_package_is_valid() -> None:
    for path in share_path("config/replay").glob("*.yaml"):
        load_replay_config(str(path))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_trajectory_file_reads_back_the_very_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, xs: list[float]
) -> None:
    trajectory = Trajectory()
    for k, x in enumerate(xs):
        trajectory.add(odometry(k / 3.0, x))
    path = trajectory.write_tum(tmp_path_factory.mktemp("t") / "a.tum")
    assert (read_tum(path) == trajectory.array()).all()
