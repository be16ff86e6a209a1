"""Training as a job: it learns, it goes on where it was stopped, and what it writes is what a robot loads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `language`: training needs torch")

from physical_ai_core.errors import InputError  # noqa: E402
from physical_ai_learning.world_model.batches import group_of, part_of  # noqa: E402
from physical_ai_learning.world_model.network import PeopleModel as Module  # noqa: E402
from physical_ai_learning.world_model.people_run import (  # noqa: E402
    SMOKE,
    SMOKE_SHAPE,
    run,
    run_fold,
    shipped_recordings,
)
from physical_ai_learning.world_model.recordings import read_folder, read_recording  # noqa: E402
from physical_ai_learning.world_model.sampling import Planner  # noqa: E402
from physical_ai_learning.world_model.stepping import batch_loss  # noqa: E402
from physical_ai_learning.world_model.windows import AHEAD, protocol_windows, resampled_windows  # noqa: E402
from physical_ai_world_model.ssm.crowd import Crowd, PeopleModel  # noqa: E402
from physical_ai_world_model.ssm.weights import load  # noqa: E402

TINY = replace(SMOKE, steps=24, every=8, rows=96)
HOTEL = {"hotel": shipped_recordings()["hotel"]}


def silent(stage: str, done: float, total: float) -> None:
    pass


def test_a_short_training_learns_stops_resumes_and_leaves_weights_a_robot_can_run(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    steps: list[int] = []

    def stop_after_ten(stage: str, done: float, total: float) -> None:
        if stage.endswith("steps"):
            steps.append(int(done))
            if done == 10:
                raise Stopped

    with pytest.raises(Stopped):
        run_fold(HOTEL, "all", TINY, SMOKE_SHAPE, tmp_path, stop_after_ten)
    resumed: list[int] = []
    metrics = run_fold(
        HOTEL, "all", TINY, SMOKE_SHAPE, tmp_path, lambda stage, done, total: resumed.append(int(done))
        if stage.endswith("steps") else None,
    )  # fmt: skip
    assert resumed[0] == 9, "the last checkpoint was at step 8"
    course = metrics["course"]
    assert [look["step"] for look in course] == [8, 16, 24]
    assert course[-1]["nll"] < course[0]["nll"]
    assert json.loads((tmp_path / "metrics.json").read_text())["sha256"] == load(tmp_path / "weights").sha256
    crowd = Crowd(PeopleModel(load(tmp_path / "weights")))
    for t in range(6):
        crowd.observe(np.array([1]), np.array([[0.4 * t, 0.0]]), 0.4 * t)
    assert np.isfinite(crowd.predict(np.array([1]), np.array([0.4, 4.8]), 2.0).mean_m).all()


def test_the_step_of_fixed_sizes_has_the_loss_of_the_batch(tmp_path: Path) -> None:
    """Padding and gathering change nothing: the same windows give the same loss in slots of any size."""
    windows = protocol_windows(HOTEL["hotel"])
    group = group_of(part_of(windows, np.arange(20)))
    torch.manual_seed(0)
    model = Module(SMOKE_SHAPE, dropout=0.0).eval()
    losses = []
    for rows in (100, 300):
        planner = Planner(group, rows, stretch=0.0, told=0.0, seed=1)
        slots = planner.slots("cpu", group.near.shape[1])
        slots.take(planner.draft(np.arange(3), 0))
        slots.factor.abs_()
        losses.append(float(batch_loss(model, group, slots, 0.5, 0.1).detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_windows_follow_the_published_protocol() -> None:
    windows = protocol_windows(HOTEL["hotel"])
    assert windows.seen_m.shape[1:] == (8, 2) and windows.ahead_m.shape[1:] == (AHEAD, 2)
    stays = windows.stays
    assert np.isfinite(windows.ahead_m[stays]).all() and np.isfinite(windows.seen_m[stays]).all()
    assert np.isfinite(windows.seen_m[:, -2:]).all()
    for row in np.flatnonzero(stays)[:50]:
        near = windows.near[row][windows.near[row] >= 0]
        assert (windows.window[near] == windows.window[row]).all() and row not in near


def test_resampled_windows_lie_on_the_tracks() -> None:
    own, finer = protocol_windows(HOTEL["hotel"]), resampled_windows(HOTEL["hotel"], 0.2, 15, 0.4, 0.4)
    assert np.allclose(own.stamps_s, finer.stamps_s[::2])
    first = own.seen_m[own.stays][0]
    away = np.abs(finer.seen_m[:, ::2] - first).max(axis=(1, 2))
    assert np.nanmin(away) < 1e-6


def test_scenes_and_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scene 'eth'"):
        run(None, ["eth"], TINY, SMOKE_SHAPE, tmp_path, 1, silent)
    with pytest.raises(InputError, match="no text files"):
        read_folder(tmp_path)
    (tmp_path / "bad.txt").write_text("1 2 three 4\n")
    with pytest.raises(InputError, match=r"bad\.txt"):
        read_recording(tmp_path / "bad.txt")
