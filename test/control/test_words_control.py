"""A message that is filled anew says what one made anew would say."""

from __future__ import annotations

import numpy as np

from physical_ai_control.words import TRAJECTORY, TrajectoryMessage
from physical_ai_core import messages as m
from physical_ai_core.ros.encode import encode


def path(seed: int, length: int = 26) -> m.Path:
    rng = np.random.default_rng(seed)
    stamp_s = 100.0 + seed
    poses = rng.uniform(-4.0, 4.0, (length, 3))
    return m.Path(stamp_s, "odom", poses, stamp_s + 0.1 * np.arange(length))


def test_filled_anew_or_made_anew_it_is_the_same_message() -> None:
    kept = TrajectoryMessage()
    for seed, length in ((1, 26), (2, 26), (3, 11), (4, 26)):
        said = path(seed, length)
        assert kept.of(said) == encode(TRAJECTORY, said)


def test_poses_of_one_moment_all_carry_it() -> None:
    kept = TrajectoryMessage()
    kept.of(path(1))
    untimed = m.Path(7.0, "odom", path(2).poses, None)
    assert kept.of(untimed) == encode(TRAJECTORY, untimed)
