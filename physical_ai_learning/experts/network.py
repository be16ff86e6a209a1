"""The networks of heads and router while they learn (torch); `physical_ai_planner.experts.net` runs them.

Source of the load-balancing loss: Fedus et al., "Switch Transformers", 2022, equations 4 to 6 (after Lepikhin et al.,
"GShard", 2020): experts * sum over them of (share of sentences sent there * mean share of the gates), which is least
when both are even. Gates here are independent sigmoids, divided by their sum for this loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from physical_ai_planner.experts.facts import NAMES
from physical_ai_planner.experts.net import Net
from physical_ai_planner.experts.ngrams import BUCKETS


class Reader(nn.Module):
    """Bag of n-gram embeddings and facts -> one hidden layer -> logits. `drop`: share of n-grams left out.

    `reads` (len(NAMES),) of 0 and 1: which facts count; the others' weights are exported as zero.
    """

    reads: Tensor

    def __init__(self, outputs: int, width: int, drop: float, reads: Tensor | None = None) -> None:
        super().__init__()
        self.embedding = nn.Embedding(BUCKETS + 1, width, padding_idx=BUCKETS)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.facts = nn.Linear(len(NAMES), width)
        self.out = nn.Linear(width, outputs)
        self.drop = drop
        self.register_buffer("reads", torch.ones(len(NAMES)) if reads is None else reads)

    def forward(self, buckets: Tensor, facts: Tensor) -> Tensor:
        """`buckets` (B, most) padded with BUCKETS, `facts` (B, len(NAMES)) -> (B, outputs)."""
        there = (buckets != BUCKETS).float()
        if self.training and self.drop > 0.0:
            there = there * (torch.rand_like(there) >= self.drop)
        e = (self.embedding(buckets) * there[..., None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1.0).sqrt()
        return self.out(torch.relu(e + self.facts(facts * self.reads)))  # type: ignore[no-any-return]


def padded(bags: Sequence[NDArray[np.int64]]) -> Tensor:
    """(B, most) of bags of buckets."""
    most = max(1, max(len(bag) for bag in bags))
    rows = np.full((len(bags), most), BUCKETS, dtype=np.int64)
    for row, bag in zip(rows, bags, strict=True):
        row[: len(bag)] = bag
    return torch.from_numpy(rows)


def balance_loss(gates: Tensor, top_k: int) -> Tensor:
    """Switch's auxiliary loss of gates (B, experts) in 0..1; 1 when the load is even."""
    share = gates / gates.sum(1, keepdim=True).clamp(min=1e-6)
    sent = torch.zeros_like(gates).scatter_(1, gates.topk(top_k, dim=1).indices, 1.0 / top_k)
    return gates.shape[1] * (sent.mean(0) * share.mean(0)).sum()


def platt(logits: NDArray[np.float64], labels: NDArray[np.float64], steps: int = 50) -> tuple[float, float]:
    """Scale and shift that make sigmoid(scale * logit + shift) calibrated, by Newton's method with Platt's targets."""
    positive = labels.sum()
    targets = np.where(labels > 0.5, (positive + 1.0) / (positive + 2.0), 1.0 / (len(labels) - positive + 2.0))
    x, weights = np.column_stack([logits, np.ones_like(logits)]), np.array([1.0, 0.0])
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30.0, 30.0)))
        curve = (x * np.maximum(p * (1.0 - p), 1e-6)[:, None]).T @ x + 1e-3 * np.eye(2)
        move = np.linalg.solve(curve, x.T @ (p - targets) + 1e-3 * (weights - [1.0, 0.0]))
        weights = weights - np.clip(move, -2.0, 2.0)
        if np.abs(move).max() < 1e-6:
            break
    return max(0.05, float(weights[0])), float(weights[1])


def exported(model: Reader, outputs: Sequence[str], scale: Sequence[float], shift: Sequence[float]) -> Net:
    """The network as numpy runs it."""
    with torch.no_grad():
        tensors: dict[str, Any] = {
            "embedding": model.embedding.weight[:BUCKETS].numpy().astype(np.float16),
            "facts": (model.facts.weight * model.reads).numpy(), "hidden_bias": model.facts.bias.numpy(),
            "out": model.out.weight.numpy(), "out_bias": model.out.bias.numpy(),
            "scale": np.array(scale, dtype=np.float32), "shift": np.array(shift, dtype=np.float32),
        }  # fmt: skip
    return Net(tuple(outputs), {name: np.array(tensor) for name, tensor in tensors.items()})
