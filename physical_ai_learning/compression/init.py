"""Weights to begin with, drawn from a generalised Gaussian (Wu et al., arXiv 2506.00486).

The variance is that of the usual beginning, so that the shape alone changes: many small weights, few large ones, as
trained weights are. The paper's own scale is variance = ξ / fan, ξ = 2 for ReLU and 1 without activation.
"""

from __future__ import annotations

import numpy as np
import torch

from physical_ai_learning.compression.ggd import draw, scale_for


@torch.no_grad()
def begin_as_ggd(model: torch.nn.Module, shape: float, seed: int, gain: float | None = None) -> None:
    """Draw every weight of the linear layers anew. `gain` ξ: variance ξ / fan-in; None keeps each layer's variance."""
    rng = np.random.default_rng(seed)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            weight = layer.weight
            variance = float(weight.var()) if gain is None else gain / weight.shape[1]
            values = draw(rng, tuple(weight.shape), shape, scale_for(variance, shape))
            weight.copy_(torch.tensor(values, dtype=weight.dtype))
