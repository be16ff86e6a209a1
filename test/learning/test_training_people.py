"""The training of the people model as it is run: killed, spoilt, shared out, and still what it would have been."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `language`: training needs torch")

from physical_ai_core.errors import InputError  # noqa: E402
from physical_ai_learning.training.metrics import rows  # noqa: E402
from physical_ai_learning.world_model import people_learner  # noqa: E402
from physical_ai_learning.world_model.people_job import PeopleJob, read_job, work  # noqa: E402
from physical_ai_learning.world_model.people_learner import train  # noqa: E402
from physical_ai_learning.world_model.people_run import SMOKE, shipped_recordings  # noqa: E402
from physical_ai_learning.world_model.recordings import Recording, Track  # noqa: E402
from physical_ai_learning.world_model.sampling import Planner  # noqa: E402
from physical_ai_learning.world_model.train_people import Material, material_of  # noqa: E402
from physical_ai_world_model.ssm.shape import Shape  # noqa: E402
from physical_ai_world_model.ssm.weights import load  # noqa: E402

SHAPE = Shape(width=8, inner=16, state=4, rank=2, layers=1, modes=3)
TINY = replace(SMOKE, steps=40, every=10, rows=48, dropout=0.1)


def part_of_hotel() -> Recording:
    """A minute of it is enough."""
    hotel = shipped_recordings()["hotel"]
    return replace(hotel, tracks=tuple(track for track in hotel.tracks if track.steps[-1] < 150))


@pytest.fixture(scope="module")
def material() -> Material:
    return material_of([part_of_hotel()], TINY)


@pytest.fixture(scope="module")
def recording_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same minute as the text file that the job reads."""
    folder = tmp_path_factory.mktemp("recordings")
    lines = [(k, t.person, *xy) for t in part_of_hotel().tracks for k, xy in zip(t.steps, t.xy_m, strict=True)]
    np.savetxt(folder / "hotel.txt", np.array(sorted(lines)), fmt="%.6f")
    return folder


def quiet(step: int, now: dict[str, Any]) -> None:
    """No progress."""


FORK = multiprocessing.get_context("fork")  # a fresh process would first spend seconds on importing torch


def begun(job: PeopleJob, **environment: str) -> BaseProcess:
    """The job in a process of its own."""

    def main() -> None:
        os.environ.update(environment)
        work(job.write())

    process = FORK.Process(target=main)
    process.start()
    return process


def ended(*processes: BaseProcess) -> None:
    for process in processes:
        process.join(120)
        assert process.exitcode == 0


def free_port() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def wait_for_step(folder: Path, step: int, alive: Callable[[], bool]) -> None:
    for _ in range(2400):
        if any(row["step"] >= step for row in rows(folder)):
            return
        assert alive(), "it ended before it could be killed"
        time.sleep(0.025)
    raise AssertionError("nothing was learnt in a minute")


def tensors(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    return dict(load(folder / "weights").tensors)


def test_a_training_killed_in_the_middle_ends_with_the_same_weights(recording_folder: Path, tmp_path: Path) -> None:
    settings = replace(TINY, steps=40)
    jobs = [PeopleJob(["all"], tmp_path / name, settings, SHAPE, recording_folder) for name in ("through", "killed")]
    ended(begun(jobs[0]))
    process = begun(jobs[1])
    wait_for_step(tmp_path / "killed" / "all", 20, process.is_alive)
    process.kill()
    process.join()
    assert not (tmp_path / "killed" / "all" / "weights").exists()
    ended(begun(jobs[1]))
    said = rows(tmp_path / "killed" / "all")
    assert next(row["step"] for row in said if row.get("resumed")) >= 10
    through, killed = (tensors(tmp_path / name / "all") for name in ("through", "killed"))
    assert all(np.array_equal(through[name], killed[name]) for name in through)
    hashes = {json.loads((tmp_path / n / "all" / "metrics.json").read_text())["sha256"] for n in ("through", "killed")}
    assert len(hashes) == 1


def test_broken_batches_and_a_spike_are_not_learnt_from_undone_and_reported(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_draft = Planner.draft

    def spoilt(self: Planner, windows: Any, step: int, rank: int = 0) -> Any:
        draft = true_draft(self, windows, step, rank)
        if step in (27, 31, 32, 33):
            return replace(draft, weight=draft.weight * (1e6 if step == 27 else math.nan))
        return draft

    monkeypatch.setattr(Planner, "draft", spoilt)
    model, course = train(material, SHAPE, TINY, tmp_path, quiet)
    said = [row for row in rows(tmp_path) if "refused" in row]
    assert [(row["step"], row["refused"]) for row in said] == [(28, "skip"), (32, "skip"), (33, "skip"), (34, "back")]
    assert "is above" in said[0]["why"] and said[-1]["why"] == "the loss is nan"
    assert said[-1]["back_to_step"] == 30, "the last checkpoint"
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert course[-1]["step"] == TINY.steps and course[-1]["ade_m"] < 1.5 * course[0]["ade_m"]


def test_no_good_checkpoint_is_written_in_the_midst_of_trouble(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_draft = Planner.draft

    def spoilt(self: Planner, windows: Any, step: int, rank: int = 0) -> Any:
        draft = true_draft(self, windows, step, rank)
        return replace(draft, weight=draft.weight * math.nan) if step == 19 else draft

    monkeypatch.setattr(Planner, "draft", spoilt)
    train(material, SHAPE, TINY, tmp_path, quiet)
    steps = [int(path.name.split("-")[1]) for path in tmp_path.glob("checkpoint-*.pt")]
    assert sorted(steps) == [10, 30, 40]


def test_a_resumed_training_goes_back_to_the_weights_the_whole_one_goes_back_to(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between a checkpoint and what is spoilt after it."""
    true_draft = Planner.draft

    def spoilt(self: Planner, windows: Any, step: int, rank: int = 0) -> Any:
        draft = true_draft(self, windows, step, rank)
        return replace(draft, weight=draft.weight * math.nan) if step in (24, 25, 26) else draft

    def stop(step: int, now: dict[str, Any]) -> None:
        if step == 22:
            raise InterruptedError

    monkeypatch.setattr(Planner, "draft", spoilt)
    through, _ = train(material, SHAPE, TINY, tmp_path / "through", quiet)
    with pytest.raises(InterruptedError):
        train(material, SHAPE, TINY, tmp_path / "stopped", stop)
    resumed, course = train(material, SHAPE, TINY, tmp_path / "stopped", quiet)
    assert [look["step"] for look in course] == [10, 20, 30, 40]
    one, other = (model.state_dict() for model in (through, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert rows(tmp_path / "stopped")[-1]["step"] == 40


def test_another_training_is_refused_by_name(material: Material, tmp_path: Path) -> None:
    train(material, SHAPE, replace(TINY, steps=10), tmp_path, quiet, data="these")
    with pytest.raises(InputError, match=r"settings\.rate is 0\.0015 there, 0\.1 here"):
        train(material, SHAPE, replace(TINY, steps=10, rate=0.1), tmp_path, quiet, data="these")
    with pytest.raises(InputError, match="data is 'these' there, 'those' here"):
        train(material, SHAPE, replace(TINY, steps=10), tmp_path, quiet, data="those")
    train(material, SHAPE, replace(TINY, steps=10, seconds=9e8), tmp_path, quiet, data="these")


def test_workers_shares_make_up_the_batch(material: Material) -> None:
    """Whatever their number: the same windows, the same draws, weights that add up."""
    group = material.learn[0]
    alone = Planner(group, 200, 0.3, 0.3, seed=1)
    windows = alone.batches(3)[0]
    whole = alone.draft(windows, 7)
    for size in (2, 3, 5):
        many = Planner(group, 200, 0.3, 0.3, seed=1, workers=size)
        assert np.array_equal(many.batches(3)[0], windows)
        shares = [many.draft(windows, 7, rank) for rank in range(size)]
        for name in ("rows", "factor", "told"):
            assert np.array_equal(np.concatenate([getattr(s, name) for s in shares]), getattr(whole, name))
        assert sum(s.weight.sum() for s in shares) / size == pytest.approx(whole.weight.sum())
        slots = many.slots("cpu", group.near.shape[1])
        for share in shares:
            slots.take(share)  # fits


def test_two_workers_learn_what_one_learns(recording_folder: Path, tmp_path: Path) -> None:
    settings = replace(TINY, steps=30, dropout=0.0)
    jobs = [PeopleJob(["all"], tmp_path / name, settings, SHAPE, recording_folder) for name in ("one", "two")]
    assert read_job(jobs[0].write()) == jobs[0]
    ended(begun(jobs[0]))
    crew = {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ended(*[begun(jobs[1], **crew, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(2)])
    one, two = ([row for row in rows(tmp_path / name / "all") if "loss" in row] for name in ("one", "two"))
    assert [row["step"] for row in one] == [row["step"] for row in two] == [10, 20, 30]
    assert [r["loss"] for r in one] == pytest.approx([r["loss"] for r in two], rel=1e-3)
    assert [r["norm"] for r in one] == pytest.approx([r["norm"] for r in two], rel=1e-2)


@pytest.mark.slow  # torchrun, two workers and their successors import torch anew: half a minute and more
def test_a_killed_worker_is_begun_anew_and_all_go_on_from_the_checkpoint(
    recording_folder: Path, tmp_path: Path
) -> None:
    import psutil

    settings = replace(TINY, steps=200, every=10)
    job = PeopleJob(["all"], tmp_path, settings, SHAPE, recording_folder)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=2"]
    process = subprocess.Popen(
        [*run, "-m", "physical_ai_learning.world_model.people_job", str(job.write())],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    wait_for_step(tmp_path / "all", 20, lambda: process.poll() is None)
    workers = [child for child in psutil.Process(process.pid).children() if "people_job" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[1].kill()
    assert process.wait(120) == 0
    said = rows(tmp_path / "all")
    resumed = [row for row in said if row.get("resumed")]
    assert len(resumed) == 1 and resumed[0]["workers"] == 2 and 10 <= resumed[0]["step"] < 200
    assert said[-1]["step"] == 200 and (tmp_path / "all" / "weights" / "people.safetensors").exists()


def test_the_learner_says_what_a_checkpoint_need_not_share() -> None:
    names = set(people_learner.FREE)
    assert names <= set(vars(TINY)), "each is a setting"


def test_what_is_held_back_shares_no_frame_with_what_is_learnt_from() -> None:
    """Read by the places of one who walks straight on, on the recording's own grid and on all the others."""
    pace_m, steps = 0.37, np.arange(400)
    line = np.stack([pace_m * steps, np.zeros(len(steps))], axis=1)
    alone = Recording("line", 0.4, (Track(0, steps, line),))
    material = material_of([alone], replace(TINY, fine=True, noise_m=0.0))
    last_m = max(float((group.xy_m + group.ahead_m[:, -1])[:, 0].max()) for group in material.learn)
    first_m = min(float(group.xy_m[:, 0].min()) - 7 * pace_m for group in material.held)
    assert len(material.learn) > 3 and last_m < first_m
    assert last_m > 0.8 * line[-1, 0], "no more is given up than a window's length"
