"""The training of the own-motion model as it is run: killed, spoilt, and still what it would have been."""

from __future__ import annotations

import math
import multiprocessing
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="extra `language`: training needs torch")
pytest.importorskip("mujoco", reason="extra `sim`: missions are driven there")

from physical_ai_core.errors import InputError  # noqa: E402
from physical_ai_learning.training.metrics import rows  # noqa: E402
from physical_ai_learning.world_model.own_learner import Settings, train  # noqa: E402
from physical_ai_learning.world_model.own_objective import Windows  # noqa: E402
from physical_ai_learning.world_model.own_record import Mission, record_all  # noqa: E402

TINY = replace(Settings.smoke(), steps=30, windows=2, every=5)
FORK = multiprocessing.get_context("fork")  # a fresh process would first spend seconds on importing torch


@pytest.fixture(scope="module")
def missions(tmp_path_factory: pytest.TempPathFactory) -> list[Mission]:
    return record_all(tmp_path_factory.mktemp("missions"), range(20), 12.0, lambda *_: None)


def quiet(*_: object) -> None:
    """No progress."""


def same(one: Any, other: Any) -> bool:
    mine, its = one.state_dict(), other.state_dict()
    return all(torch.equal(mine[name], its[name]) for name in mine)


def test_a_training_killed_in_the_middle_ends_with_the_same_weights(missions: list[Mission], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    through = train(TINY, missions, tmp_path / "through", quiet)
    folder = tmp_path / "killed"

    def slowly(stage: str, step: float, steps: float) -> None:
        if step > 12:
            time.sleep(60.0)

    process = FORK.Process(target=train, args=(TINY, missions, folder, slowly))
    process.start()
    deadline = time.monotonic() + 60.0
    while not any(row["step"] >= 10 and "held" in row for row in rows(folder)):
        assert process.is_alive() and time.monotonic() < deadline, "it ended before it could be killed"
        time.sleep(0.02)
    time.sleep(0.3)  # beyond the checkpoint
    process.kill()
    process.join()
    assert process.exitcode == -9 and not (folder / "course.json").exists()
    resumed = train(TINY, missions, folder, quiet)
    assert next(row["step"] for row in rows(folder) if row.get("resumed")) in (5, 10)
    assert same(through, resumed)
    assert (folder / "course.json").read_bytes() == (tmp_path / "through" / "course.json").read_bytes()


def test_batches_that_are_no_numbers_are_undone_and_reported(
    missions: list[Mission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_draw, count = Windows.draw, [0]

    def spoilt(self: Windows, windows: int, rng: np.random.Generator) -> Any:
        features, *rest = true_draw(self, windows, rng)
        count[0] += windows == TINY.windows
        return features * (math.nan if count[0] in (12, 13, 14) else 1.0), *rest

    monkeypatch.setattr(Windows, "draw", spoilt)
    model = train(TINY, missions, tmp_path, quiet)
    refused = [row for row in rows(tmp_path) if "refused" in row]
    assert [(row["step"], row["refused"]) for row in refused] == [(12, "skip"), (13, "skip"), (14, "back")]
    assert refused[0]["why"] == "the loss is nan" and refused[2]["back_to_step"] == 10
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_other_missions_or_settings_are_refused_by_name(missions: list[Mission], tmp_path: Path) -> None:
    short = replace(TINY, steps=5)
    train(short, missions, tmp_path, quiet)
    with pytest.raises(InputError, match=r"settings\.rate is 0\.003 there, 0\.1 here"):
        train(replace(short, rate=0.1), missions, tmp_path, quiet)
    with pytest.raises(InputError, match="data is"):
        train(short, [*missions[1:], missions[0]], tmp_path, quiet)
