"""The policy network on the robot: a few matrix products in numpy, weights from a safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from physical_ai_control.policy import proposal, sight
from physical_ai_control.policy.sight import Floats
from physical_ai_core.errors import InputError
from physical_ai_core.share import share_path

FORMAT: Final = "physical_ai.policy.1"
MOST_PARAMETERS: Final = 100_000
SHIPPED: Final = "config/models/policy/policy.safetensors"


class PolicyNet:
    """Hidden layers with tanh, a linear one at the end: features in, the mean action out."""

    def __init__(self, layers: Sequence[tuple[Floats, Floats]], about: Mapping[str, str] | None = None) -> None:
        """`layers`: weight (out, in) and bias (out,). Raises InputError where they do not fit each other, what is
        seen or what is proposed, or are not finite."""
        sizes = [sight.SIZE, *(len(bias) for _, bias in layers)]
        fits = bool(layers) and sizes[-1] == proposal.ACTIONS
        for (weight, bias), width in zip(layers, sizes, strict=False):
            fits = fits and weight.shape == (len(bias), width)
            fits = fits and bool(np.isfinite(weight).all() and np.isfinite(bias).all())
        if not fits:
            raise InputError(
                f"This is no policy of {sight.SIZE} features and {proposal.ACTIONS} actions.",
                "Train one with `physical-ai train policy`.",
            )
        self.layers, self.about = list(layers), dict(about or {})
        self.parameters = sum(weight.size + bias.size for weight, bias in layers)

    def __call__(self, seen: Floats) -> Floats:
        """Actions (…, ACTIONS) for features (…, SIZE); not clipped."""
        x = seen
        for weight, bias in self.layers[:-1]:
            x = np.tanh(x @ weight.T + bias)
        weight, bias = self.layers[-1]
        return np.asarray(x @ weight.T + bias, dtype=np.float32)


def load(path: Path) -> PolicyNet:
    """Raises InputError: no such file, no such format, or numbers that do not fit."""
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            names = set(file.keys())
            depth = len(names) // 2
            if about.get("format") != FORMAT or names != {f"{k}.{i}" for i in range(depth) for k in ("weight", "bias")}:
                raise InputError(
                    f"{path} is no policy of format {FORMAT}.", "Train one with `physical-ai train policy`."
                )
            layers = [
                tuple(np.asarray(file.get_tensor(f"{kind}.{i}"), dtype=np.float32) for kind in ("weight", "bias"))
                for i in range(depth)
            ]
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read: {error}", "Train one with `physical-ai train policy`.") from error
    return PolicyNet([(weight, bias) for weight, bias in layers], about)


def shipped() -> Path | None:
    """The package's own weights, where there are any."""
    path = share_path(SHIPPED)
    return path if path.is_file() else None


def save(path: Path, net: PolicyNet, settings: Mapping[str, object]) -> None:
    """Weights with their settings in the file's own metadata."""
    tensors = {}
    for i, (weight, bias) in enumerate(net.layers):
        tensors[f"weight.{i}"], tensors[f"bias.{i}"] = np.ascontiguousarray(weight), np.ascontiguousarray(bias)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": FORMAT, "settings": json.dumps(settings, sort_keys=True)})
