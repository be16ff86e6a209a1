"""The people model as a torch module: selective state space per person, attention between people, mixture ahead.

Its tensors carry the names that the robot's runtime loads (`physical_ai_world_model.ssm`). The scan runs in one of two
engines that compute the same: a plain loop, and the CUDA kernel of `mamba_ssm`. That kernel discretises B by Euler's
rule; because each channel has one decay for all of its states, exact zero-order hold folds into its input:
u' = u (exp(a δ) − 1) / (a δ).
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from physical_ai_world_model.ssm.shape import Shape


def scan_loop(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """h' = exp(aδ) h + (exp(aδ) − 1)/a u B, y = C h. u, delta (N, T, D), a (D,), b, c (N, T, S) → y (N, T, D)."""
    keep = torch.exp(a * delta)
    drive = torch.expm1(a * delta) / a * u
    h = u.new_zeros(u.shape[0], u.shape[2], b.shape[2])
    out = []
    for k, d, bt, ct in zip(keep.unbind(1), drive.unbind(1), b.unbind(1), c.unbind(1), strict=True):
        h = k[..., None] * h + d[..., None] * bt[:, None]
        out.append((h * ct[:, None]).sum(-1))
    return torch.stack(out, 1)


def scan_kernel(u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The same by `mamba_ssm`'s selective scan on a GPU."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    x = a * delta
    hold = torch.where(x.abs() > 1e-4, torch.expm1(x) / torch.where(x.abs() > 1e-4, x, torch.ones_like(x)), 1 + x / 2)
    y = selective_scan_fn(
        (u * hold).transpose(1, 2).contiguous(), delta.transpose(1, 2).contiguous(),
        a[:, None].expand(-1, b.shape[2]).contiguous(), b.transpose(1, 2).contiguous(), c.transpose(1, 2).contiguous(),
    )  # fmt: skip
    return y.transpose(1, 2)


class Block(nn.Module):
    """One selective layer with its residual."""

    def __init__(self, shape: Shape, scan: Any) -> None:
        super().__init__()
        d, di, n, r = shape.width, shape.inner, shape.state, shape.rank
        self.scan, self.cut = scan, (r, n, n)
        self.norm = nn.LayerNorm(d)
        self.in_proj = nn.Linear(d, 2 * di, bias=False)
        self.x_proj = nn.Linear(di, r + 2 * n, bias=False)
        self.dt_proj = nn.Linear(r, di)
        self.A_log = nn.Parameter(torch.log(torch.linspace(0.1, 6.0, di)))
        self.D = nn.Parameter(torch.ones(di))
        self.out_proj = nn.Linear(di, d, bias=False)
        nn.init.constant_(self.dt_proj.bias, 0.0)

    def forward(self, x: Tensor, dt_s: Tensor) -> Tensor:
        u, z = self.in_proj(self.norm(x)).chunk(2, -1)
        u = F.silu(u)
        q, b, c = self.x_proj(u).split(self.cut, -1)
        delta = F.softplus(self.dt_proj(q)) * dt_s[..., None]
        y = self.scan(u, delta, -torch.exp(self.A_log), b, c) + self.D * u
        out: Tensor = x + self.out_proj(y * F.silu(z))
        return out


class Encoder(nn.Module):
    """Features (N, T, F) and elapsed times (N, T) → what is known of each at the last moment (N, d)."""

    def __init__(self, shape: Shape, scan: Any) -> None:
        super().__init__()
        self.embed = nn.Linear(shape.features, shape.width)
        self.blocks = nn.ModuleList(Block(shape, scan) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, features: Tensor, dt_s: Tensor) -> Tensor:
        x = self.embed(features)
        for block in self.blocks:
            x = block(x, dt_s)
        out: Tensor = self.norm(x[:, -1])
        return out


def _rows(table: Tensor, rows: Tensor) -> Tensor:
    """table (N, d), rows (P, M) → (P, M, d)."""
    return table.index_select(0, rows.flatten()).unflatten(0, rows.shape)


class Social(nn.Module):
    """What the others mean for each of P: attention over edges (P, M, E) to rows `near` (P, M), -1 for nobody."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        d = shape.width
        self.edge = nn.Linear(shape.edge, d)
        self.other = nn.Linear(d, d, bias=False)
        self.mix = nn.Linear(d, d)
        self.query, self.key, self.value = (nn.Linear(d, d) for _ in range(3))
        self.join = nn.Linear(2 * d, d)
        self.out = nn.Linear(d, d)
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, others: Tensor, edges: Tensor, near: Tensor) -> Tensor:
        there = near >= 0
        e = self.mix(F.silu(self.edge(edges) + _rows(self.other(others), near.clamp(min=0))))
        score = (self.query(h)[:, None] * self.key(e)).sum(-1) / math.sqrt(h.shape[-1])
        score = torch.cat([score.masked_fill(~there, -1e4), score.new_zeros(len(h), 1)], 1)
        weight = score.softmax(-1)[:, :-1] * there
        seen = (weight[..., None] * self.value(e)).sum(1)
        out: Tensor = h + self.drop(self.out(F.silu(self.join(torch.cat([h, seen], -1)))))
        return out


class Head(nn.Module):
    """Coefficients (P, K + 1, C) of every mode: row 0 is the single best guess, the others the mixture."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        d = shape.width
        self.context = nn.Linear(d + 1, 2 * d)
        self.mode = nn.Parameter(torch.randn(shape.modes + 1, 2 * d) * 0.35)
        self.hidden = nn.Linear(2 * d, 2 * d)
        self.out = nn.Linear(2 * d, shape.outputs)
        self.drop = nn.Dropout(dropout)
        nn.init.zeros_(self.out.bias)
        self.out.weight.data *= 0.3

    def forward(self, h: Tensor, log_horizon: Tensor) -> Tensor:
        z = self.context(torch.cat([h, log_horizon[:, None]], -1))
        z = self.drop(F.silu(z[:, None] + self.mode))
        out: Tensor = self.out(F.silu(self.hidden(z)))
        return out


class PeopleModel(nn.Module):
    """The whole: features (N, T, F), elapsed times (N, T), and of the P to be predicted rows (P,), edges (P, M, E),
    neighbours (P, M), log horizon (P,) → coefficients (P, K + 1, C)."""

    def __init__(self, shape: Shape, engine: str = "loop", dropout: float = 0.2) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape, scan_kernel if engine == "mamba" else scan_loop)
        self.social = Social(shape, dropout)
        self.head = Head(shape, dropout)

    def forward(
        self, features: Tensor, dt_s: Tensor, rows: Tensor, edges: Tensor, near: Tensor, log_horizon: Tensor
    ) -> Tensor:
        h = self.encoder(features, dt_s)
        out: Tensor = self.head(self.social(h.index_select(0, rows), h, edges, near), log_horizon)
        return out
