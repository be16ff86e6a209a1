"""Models of motion: one file each, found by its name. A file has `declare(limits, drivetrain) -> Model`.

To add one: write a file here that declares states, inputs, dynamics and twist, and name it in the robot file
(`drivetrain: {model: NAME}`) or in the parameter `model`. Kernels, derivatives, bounds and checks follow from it.
"""

from __future__ import annotations

import importlib
import pkgutil

from physical_ai_control.mpc.model import Limits, Model
from physical_ai_core.errors import ParameterError
from physical_ai_core.robot import Drivetrain


def names() -> tuple[str, ...]:
    """Of all models that there are files for."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


def declared(name: str, limits: Limits, drivetrain: Drivetrain) -> Model:
    """The model of that name with these limits. Raises ParameterError: no such model, or the robot file lacks what it
    needs."""
    if name not in names():
        raise ParameterError(f"'{name}' is no model of motion.", f"Choose one of {', '.join(names())}.")
    found: Model = importlib.import_module(f"{__name__}.{name}").declare(limits, drivetrain)
    return found
