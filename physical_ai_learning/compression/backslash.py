"""Training that counts bits: after each step every weight is pushed towards a shorter code.

What a weight costs under a generalised Gaussian prior is (|w| / α)^ν nats and a constant; the push is its derivative,

    w ← sign(w) · max(|w| − η λ ν / α · (|w| / α + ε)^(ν − 1), 0)

which is BackSlash's step (Wu, Wen, Han, arXiv 2504.16968: after each batch, ν read anew from the moment ratio), but
ν and α are each tensor's own, lengths are in units of α, so that one λ serves every tensor, and the push ends at zero
instead of crossing it. η is the rate of the optimiser, as in decoupled decay.

With `quantise` the loss is that of the weights as they will be stored (rounded to their tensor's step, straight-through
gradient), so that what is learnt is what the robot runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from physical_ai_learning.compression.ggd import RATIOS, SHAPES

EPSILON: Final = 0.25  # in α: keeps the push finite at zero where ν < 1
SHAPE_RANGE: Final = (0.3, 2.5)
LEAST_SCALE: Final = 0.1  # of the scale at the beginning, where nothing is quantised
REFIT_EVERY: Final = 25  # steps


@dataclass(frozen=True)
class Small:
    """How a training makes its model small; nothing of it by default."""

    backslash: float = 0.0  # λ: 0 leaves the weights alone
    prior_shape: float = 0.0  # ν of the prior; 0: read anew from each tensor every few steps
    one_shape: bool = False  # one ν and α for all tensors, as the paper has it
    quantise: float = 0.0  # step of the quantiser, in standard deviations, geometric mean over all weights; 0: none
    protect: bool = True  # steps by sensitivity; otherwise the same share of each tensor's deviation
    init: str = "default"  # or ggd
    init_shape: float = 1.2
    start: str = ""  # weights to begin with: a file, or a folder of FOLD.safetensors

    @property
    def active(self) -> bool:
        return self.backslash > 0.0 or self.quantise > 0.0


class RateConstraint:
    """Holds the weights of a model quantised while gradients are taken, and shortens their code after each step."""

    def __init__(self, model: torch.nn.Module, small: Small, steps: Mapping[str, float]) -> None:
        """`steps`: quantiser step by tensor; those not named stay as they are."""
        named = [(name, p) for name, p in model.named_parameters()]
        self._small = small
        self._held = [(p, float(steps[name])) for name, p in named if steps.get(name, 0.0) > 0.0]
        self._masters = [p.detach().clone() for p, _ in self._held]
        self._pushed = [p for _, p in named if p.ndim >= 2]
        spread = [float(p.detach().std()) for p in self._pushed]
        floors = (steps.get(name, 0.0) / 2.0 for name, p in named if p.ndim >= 2)
        self._floor = [floor or LEAST_SCALE * s for floor, s in zip(floors, spread, strict=True)]
        device = self._pushed[0].device
        self._shape = [torch.full((), 1.0, device=device) for _ in self._pushed]
        self._scale = [torch.full((), s, device=device) for s in spread]
        self.refit()

    @torch.no_grad()
    def refit(self) -> None:
        """Read shape and scale of the prior from the weights. Not part of a captured graph."""
        squares = torch.stack([p.double().pow(2).sum() for p in self._pushed]).cpu().numpy()
        sums = torch.stack([p.double().abs().sum() for p in self._pushed]).cpu().numpy()
        counts = np.array([p.numel() for p in self._pushed], dtype=np.float64)
        if self._small.one_shape:
            squares, sums, counts = (np.full(len(v), v.sum()) for v in (squares, sums, counts))
        ratio = counts * squares / np.maximum(sums, 1e-12) ** 2
        found = np.interp(ratio, RATIOS[::-1], SHAPES[::-1]) if self._small.prior_shape <= 0.0 else None
        shapes = np.clip(found, *SHAPE_RANGE) if found is not None else np.full(len(counts), self._small.prior_shape)
        for k, (shape, p) in enumerate(zip(shapes, self._pushed, strict=True)):
            v = float(shape)
            power = sums[k] / counts[k] if v == 1.0 else float(p.double().abs().pow(v).mean())
            self._shape[k].fill_(v)
            self._scale[k].fill_(max(float((v * power) ** (1.0 / v)), self._floor[k]))
        if self._small.one_shape:
            same = float(np.sqrt(np.mean([float(s) ** 2 for s in self._scale])))
            for scale in self._scale:
                scale.fill_(same)

    @property
    def shapes(self) -> list[float]:
        """ν of each tensor that is pushed."""
        return [float(v) for v in self._shape]

    @torch.no_grad()
    def hold(self) -> None:
        """Put the rounded weights in the place of the weights."""
        for (p, step), master in zip(self._held, self._masters, strict=True):
            master.copy_(p)
            p.copy_(torch.round(p / step) * step)

    @torch.no_grad()
    def release(self) -> None:
        """Put the weights back."""
        for (p, _), master in zip(self._held, self._masters, strict=True):
            p.copy_(master)

    @contextmanager
    def held(self) -> Iterator[None]:
        """The rounded weights for a while."""
        self.hold()
        try:
            yield
        finally:
            self.release()

    @torch.no_grad()
    def shrink(self, rate: Tensor | float) -> None:
        """One push of every weight matrix; `rate` is the optimiser's."""
        if self._small.backslash <= 0.0:
            return
        for p, shape, scale in zip(self._pushed, self._shape, self._scale, strict=True):
            size = p.abs()
            push = rate * self._small.backslash * shape / scale * torch.pow(size / scale + EPSILON, shape - 1.0)
            p.copy_(torch.sign(p) * torch.relu(size - push))
