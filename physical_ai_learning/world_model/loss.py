"""What the people model is trained for: one best guess, a spread of ways of which one is right, and honest doubt."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from physical_ai_learning.world_model.windows import AHEAD
from physical_ai_world_model.ssm.decoder import (
    FLOOR_M,
    LEAST_TRAVEL_M,
    SPREAD_BIAS,
    SPREAD_CLIP,
    STEPS,
    polynomials,
)
from physical_ai_world_model.ssm.shape import Shape


class Paths(NamedTuple):
    """Own frame: mean (P, K + 1, 12, 2), sigma alike, correlation (P, K + 1), log weight (P, K + 1)."""

    mean: Tensor
    sigma: Tensor
    correlation: Tensor
    log_weight: Tensor


@lru_cache(maxsize=16)
def _grid(count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Shares (12,) of the horizon and the polynomials there (12, count)."""
    s = np.arange(1, AHEAD + 1) / AHEAD
    both = (torch.tensor(v, dtype=torch.float32, device=device) for v in (s, polynomials(count, s)[0]))
    first, second = both
    return first, second


def paths_of(coefficients: Tensor, own_mps: Tensor, horizon_s: float, shape: Shape) -> Paths:
    """`decoder.unfold` at the 12 steps of a window, for torch."""
    c, r, q = coefficients, shape.basis, shape.spread
    s, basis = _grid(r, c.device)
    scale = torch.sqrt(own_mps.pow(2).sum(-1) * horizon_s**2 + LEAST_TRAVEL_M**2)[:, None, None]
    bend = (c[..., : 2 * r].unflatten(-1, (2, r)) @ basis.T).transpose(-1, -2)
    mean = own_mps[:, None, None] * (horizon_s * s)[:, None] + scale[..., None] * bend
    x = 2.0 * s - 1.0
    power = torch.stack([x**k for k in range(q)])
    log_spread = (c[..., 2 * r : 2 * r + 2 * q].unflatten(-1, (2, q)) @ power).transpose(-1, -2)
    growth = (scale / STEPS * torch.sqrt(STEPS * s))[..., None]
    sigma = growth * torch.exp((log_spread + SPREAD_BIAS).clamp(*SPREAD_CLIP)) + FLOOR_M
    return Paths(mean, sigma, 0.95 * torch.tanh(c[..., -2]), c[..., -1])


def negative_log_likelihood(paths: Paths, truth: Tensor) -> Tensor:
    """Of the mixture (rows 1…) at each step (P, 12)."""
    e = (truth[:, None] - paths.mean[:, 1:]) / paths.sigma[:, 1:]
    rho = paths.correlation[:, 1:, None]
    open_ = 1.0 - rho**2
    square = (e[..., 0] ** 2 - 2 * rho * e[..., 0] * e[..., 1] + e[..., 1] ** 2) / open_
    log_density = -0.5 * square - torch.log(paths.sigma[:, 1:]).sum(-1) - 0.5 * torch.log(open_) - math.log(2 * math.pi)
    return -torch.logsumexp(torch.log_softmax(paths.log_weight[:, 1:], -1)[..., None] + log_density, 1)


def losses_of(paths: Paths, truth: Tensor, relax: Tensor | float, end: float, likelihood: float) -> Tensor:
    """Of each person (P,): the best guess, the nearest mode (with a share `relax` of all modes), the likelihood."""
    away = (paths.mean - truth[:, None]).norm(dim=-1)
    guess = away[:, 0].mean(-1) + end * away[:, 0, -1]
    ways = away[:, 1:].mean(-1) + 0.5 * away[:, 1:, -1]
    spread = (1.0 - relax) * ways.min(1)[0] + relax * ways.mean(1)
    held = paths._replace(mean=paths.mean.detach())
    return guess + spread + likelihood * negative_log_likelihood(held, truth).mean(1)
