"""What a weight's error costs: the diagonal of the Gauss-Newton matrix of what is said, estimated by random signs.

For outputs y(w) and signs ε = ±1 drawn at random, E[(∂ εᵀy / ∂w)²] = Σ (∂y / ∂w)², the diagonal of JᵀJ (Hutchinson
1990; Dong et al., HAWQ, 2019, for quantising). An error δ of a weight moves the outputs by h δ² in mean square, and
of all ways to spend so many bits the least total error is had where h Δ² is the same everywhere: Δ = c / √h.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from physical_ai_learning.world_model.batches import Group, assemble
from physical_ai_learning.world_model.loss import paths_of
from physical_ai_learning.world_model.network import PeopleModel

FINEST = 1.0 / 64.0  # steps in standard deviations of the tensor
COARSEST = 1.5


def people_sensitivity(
    model: PeopleModel, groups: Sequence[Group], windows: int = 24, draws: int = 6, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """h of every weight, in m² of forecast positions (guess and weighted ways) for a unit of the weight squared."""
    generator = torch.Generator().manual_seed(seed)
    was_training = model.training
    model.eval()
    names = [name for name, _ in model.named_parameters()]
    total = [torch.zeros_like(p) for p in model.parameters()]
    people = 0
    for group in groups:
        chosen = torch.randperm(group.windows, generator=generator)[:windows]
        batch = assemble(group, chosen)
        if not len(batch.target):
            continue
        for _ in range(draws):
            out = model(batch.features, batch.dt_s, batch.target, batch.edges, batch.near, batch.log_horizon)
            paths = paths_of(out, batch.own_mps, batch.horizon_s, model.shape)
            share = torch.cat([torch.ones_like(paths.log_weight[:, :1]), paths.log_weight[:, 1:].detach().exp()], 1)
            signs = torch.randint(0, 2, paths.mean.shape, generator=generator).to(paths.mean) * 2.0 - 1.0
            said = (signs * paths.mean * share.sqrt()[..., None, None]).sum()
            for sum_, gradient in zip(total, torch.autograd.grad(said, list(model.parameters())), strict=True):
                sum_ += gradient**2
            people += len(batch.target)
    model.train(was_training)
    return {n: (t / max(people, 1)).double().cpu().numpy() for n, t in zip(names, total, strict=True)}


def steps_by_sensitivity(
    tensors: Mapping[str, NDArray[np.float32]], sensitivity: Mapping[str, NDArray[np.float64]], share: float,
    protect: bool = True,
) -> dict[str, float]:  # fmt: skip
    """Quantiser step of each tensor. `share`: step in deviations, geometric mean over all weights. Without `protect`
    every tensor's step is the same share of its deviation."""
    spread = {name: max(float(value.std()), 1e-6) for name, value in tensors.items()}
    if not protect:
        return {name: snapped(share * spread[name]) for name in tensors}
    wanted = {name: 1.0 / np.sqrt(max(float(sensitivity[name].mean()), 1e-18)) for name in tensors}
    counts = {name: value.size for name, value in tensors.items()}
    scale = 1.0
    for _ in range(40):  # bounds make it a fixed point instead of a quotient
        ratio = {name: min(max(scale * wanted[name] / spread[name], FINEST), COARSEST) for name in tensors}
        mean = sum(counts[n] * np.log(ratio[n]) for n in tensors) / sum(counts.values())
        scale *= share / float(np.exp(mean))
    return {name: snapped(ratio[name] * spread[name]) for name in tensors}


def snapped(step: float) -> float:
    """The nearest step of seven significant bits: whole multiples of it are exact in float32, on every machine."""
    part, exponent = math.frexp(step)
    return math.ldexp(round(part * 128.0), exponent - 7)
