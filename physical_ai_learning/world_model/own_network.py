"""The model of the own motion as a torch module: selective state space over the history, grey-box roll-out ahead.

Its tensors carry the names that the robot's runtime loads (`physical_ai_world_model.own_motion`); history, meaning of
the outputs and dynamics are the very code of that runtime, run on tensors.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from physical_ai_learning.world_model.network import Block, scan_loop
from physical_ai_world_model.own_motion.dynamics import STEP_S, Base, Motion, roll_out
from physical_ai_world_model.own_motion.history import FEATURES
from physical_ai_world_model.own_motion.telling import OUTPUTS, Told, told, variances
from physical_ai_world_model.ssm.shape import Shape

SHAPE: Final = Shape(features=FEATURES, width=24, inner=48, state=8, rank=2, layers=1)


class Moment(NamedTuple):
    """Where a prediction starts, (n,) each column: twist v, u, w; set points (4); pull (2); commands (n, steps, 2)."""

    twist: Tensor
    points: Tensor
    pull: Tensor
    commands: Tensor


class Ahead(NamedTuple):
    """In the frame of the start: xy (n, k, 2), yaw (n, k), variance along and across (n, k, 2); k = steps + 1."""

    xy: Tensor
    yaw: Tensor
    variance: Tensor


class _Encoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed = nn.Linear(shape.features, shape.width)
        self.blocks = nn.ModuleList(Block(shape, scan_loop) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, features: Tensor, dt_s: Tensor) -> Tensor:
        x = self.embed(features)
        for block in self.blocks:
            x = block(x, dt_s)
        out: Tensor = self.norm(x)
        return out


class OwnModel(nn.Module):
    """Features (n, T, 14) and elapsed times (n, T) → outputs (n, T, 15) that `telling` reads."""

    def __init__(self, base: Base, shape: Shape = SHAPE) -> None:
        super().__init__()
        self.shape, self.nominal = shape, base
        self.encoder = _Encoder(shape)
        self.head = nn.Linear(shape.width, OUTPUTS)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        # What no ground changes and set points do not need, as logarithms of factors.
        self.constants = nn.Parameter(torch.zeros(3))

    def base(self) -> Base:
        """With its learned constants."""
        ease, give, stiff = self.constants.exp()
        n = self.nominal
        return n._replace(yaw_ease=n.yaw_ease * ease, give_s=n.give_s * give, stiff_sideways=n.stiff_sideways * stiff)

    def forward(self, features: Tensor, dt_s: Tensor) -> Tensor:
        out: Tensor = self.head(self.encoder(features, dt_s))
        return out

    def ahead(self, z: Tensor, at: Moment) -> Ahead:
        """Roll the outputs (n, 15) out from their moments."""
        zero = z.new_zeros(len(z))
        said = told(z.unbind(-1), at.pull[:, 0], at.pull[:, 1], zero, torch)
        return roll(self.base(), said, at)


def roll(base: Base, said: Told, at: Moment) -> Ahead:
    """The grey box under known commands."""
    zero = torch.zeros_like(at.twist[:, 0])
    v, u, w = at.twist.unbind(-1)
    start = Motion(zero, zero, zero, v + said.dv, u + said.du, w + said.dw, *at.points.unbind(-1))
    motions = roll_out(base, start, said.ground, [tuple(c.unbind(-1)) for c in at.commands.unbind(1)], STEP_S, torch)
    xy = torch.stack([torch.stack([m.x, m.y], -1) for m in motions], 1)
    yaw = torch.stack([m.yaw for m in motions], 1)
    t = STEP_S * torch.arange(len(motions))
    variance = torch.stack(variances([s[:, None] for s in said.spread], t), -1)
    return Ahead(xy, yaw, variance)
