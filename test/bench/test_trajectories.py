"""The benchmark of trajectories on any folder of text files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.benchmarks.trajectories import drawn, trajectories_page
from physical_ai_core.errors import InputError


def write(path: Path, people: int, frames: int, speed_m: float) -> None:
    rows = [
        f"{10 * frame}\t{person}\t{speed_m * frame:.4f}\t{1.5 * person:.4f}"
        for frame in range(frames) for person in range(people)
    ]  # fmt: skip
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def test_who_keeps_walking_is_foretold_by_all_and_the_page_says_so(tmp_path: Path) -> None:
    write(tmp_path / "corridor.txt", people=3, frames=24, speed_m=0.5)
    page = trajectories_page(tmp_path, folder=tmp_path / "page")
    scene, people, constant, kalman, hybrid, best, *_ = page.rows[0]
    assert scene == "corridor" and people == "15"
    assert constant == "0.000/0.000"
    for figures in (kalman, hybrid, best):
        assert float(figures.split("/")[1]) < 0.6
    assert (tmp_path / "page" / "trajectories.png").stat().st_size > 10_000


def test_recordings_that_are_too_short_are_named(tmp_path: Path) -> None:
    write(tmp_path / "short.txt", people=2, frames=12, speed_m=0.5)
    with pytest.raises(InputError, match="20 frames"):
        trajectories_page(tmp_path, folder=tmp_path / "page")


def test_draws_follow_the_mixture() -> None:
    mean = np.zeros((1, 2, 3, 2))
    mean[0, 1] += 10.0
    covariance = np.tile([0.04, 0.01, 0.09], (1, 2, 3, 1))
    ways = drawn(mean, covariance, np.array([[0.25, 0.75]]), 4000, np.random.default_rng(0))
    far = ways[0, :, 0, 0] > 5.0
    assert abs(far.mean() - 0.75) < 0.03
    np.testing.assert_allclose(np.cov(ways[0, far, 2].T), [[0.04, 0.01], [0.01, 0.09]], atol=0.01)
