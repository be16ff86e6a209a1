"""Candidates for the own motion: shipped weights, changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from physical_ai_world_model.own_motion.dynamics import Base
from physical_ai_world_model.own_motion.weights import FILE, default_folder, load, save

OWN = default_folder() / FILE
Tensors = dict[str, NDArray[np.float32]]


def own_weights(
    folder: Path, change: Callable[[Tensors], None] = lambda tensors: None, factor: float = 1.0,
    base: Callable[[Base], Base] = lambda base: base,
) -> Path:  # fmt: skip
    """The file of a candidate; `factor` on the calibration's factors."""
    shipped = load(OWN)
    tensors = {name: value.copy() for name, value in shipped.tensors.items()}
    change(tensors)
    calibration = {**shipped.calibration, "factor": [factor * value for value in shipped.calibration["factor"]]}
    save(folder, replace(shipped, tensors=tensors, calibration=calibration, base=base(shipped.base)))
    return folder / FILE


def slightly(tensors: Tensors) -> None:
    """Other weights, as good."""
    tensors["head.bias"] *= np.float32(1.0001)
