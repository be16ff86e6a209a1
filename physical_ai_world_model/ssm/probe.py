"""Weights put to a small trial before they may wait in a slot: they speak, and what they say could be."""

from __future__ import annotations

from typing import Final

import numpy as np

from physical_ai_core.errors import ModelError
from physical_ai_world_model.ssm.crowd import Crowd, PeopleModel
from physical_ai_world_model.ssm.decoder import REFERENCE_S
from physical_ai_world_model.ssm.weights import PeopleWeights

FARTHEST_M: Final = 40.0  # nobody gets farther in the horizon
SPEEDS_MPS: Final = (0.0, 0.6, 1.4, 3.0)


def probe(weights: PeopleWeights) -> None:
    """Four people on a line, at rest to running. Raises ModelError where a forecast is not finite, or beyond reach."""
    crowd, ids = Crowd(PeopleModel(weights)), np.arange(len(SPEEDS_MPS))
    speeds = np.array(SPEEDS_MPS)
    for k in range(8):
        crowd.observe(ids, np.column_stack([0.4 * k * speeds, 2.0 * ids]), 0.4 * k)
    with np.errstate(all="ignore"):
        fans = crowd.predict(ids, np.linspace(0.4, REFERENCE_S, 12), 2.8)
    sound = all(bool(np.isfinite(part).all()) for part in fans)
    from_here = np.column_stack([2.8 * speeds, 2.0 * ids])[:, None, None]
    if not sound or float(np.abs(fans.mean_m - from_here).max()) > FARTHEST_M:
        raise ModelError("These weights forecast what cannot be for people who walk on.", "Train them anew.")
