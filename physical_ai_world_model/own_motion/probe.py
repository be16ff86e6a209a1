"""Weights put to a small trial before they may wait in a slot: they speak, and what they say could be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_core.errors import ModelError
from physical_ai_world_model.own_motion.model import OwnMotion

LAG_S: Final = 0.15
STEP_S: Final = 0.02
HEARD_S: Final = 2.0
AHEAD_S: Final = 3.0
SPEEDS_MPS: Final = (0.0, 0.5, 1.2)
FARTHEST_M: Final = 1.5  # from where a base that has done all that it was told will be in `AHEAD_S`


def probe(path: Path) -> None:
    """A base that does what it is told, at rest to driving, goes on. Raises ModelError: weights that cannot be loaded,
    that keep silent, or that say what is not finite or beyond reach."""
    own = OwnMotion(LAG_S, folder=path)
    if own.missing:
        raise ModelError(own.missing, "Train them anew: physical-ai train own-motion.")
    times_s = np.linspace(0.0, AHEAD_S, 16)
    for speed in SPEEDS_MPS:
        own.clear()
        stamp_s = 0.0
        with np.errstate(all="ignore"):
            for k in range(round(HEARD_S / STEP_S)):
                stamp_s = k * STEP_S
                own.observe(stamp_s, np.array([speed * stamp_s, 0.0, 0.0]), np.array([speed, 0.0, 0.0]))
                own.command(stamp_s, speed, 0.0)
            held = np.array([stamp_s]), np.array([[speed, 0.0]])
            ahead = own.predict(stamp_s, times_s, held)
        there = np.column_stack([speed * (stamp_s + times_s), np.zeros(len(times_s))])
        sound = bool(np.isfinite(ahead.poses).all() and np.isfinite(ahead.covariance).all())
        if ahead.reason or not sound or float(np.abs(ahead.poses[:, :2] - there).max()) > FARTHEST_M:
            raise ModelError(
                f"These weights say what cannot be of a base that drives on at {speed:g} m/s"
                f"{': ' + ahead.reason if ahead.reason else ''}.", "Train them anew: physical-ai train own-motion.",
            )  # fmt: skip
