"""Interacting multiple models, vectorised over objects: mix, predict, update (Blom and Bar-Shalom 1988).

Shapes: n objects, m modes, state 4. `mean (n, m, 4)`, `cov (n, m, 4, 4)`, `weight (n, m)` (rows add up to 1),
`switching (m, m)` (row i: probabilities of going from mode i to mode j over the step).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from physical_ai_core.geometry import Array
from physical_ai_world_model.kalman.motion import MotionModel, discretise

WEIGHT_FLOOR = 0.02  # no mode ever dies, so that a person who stops walking is noticed within a few updates
LOG_2PI = float(np.log(2.0 * np.pi))


class Belief(NamedTuple):
    """Gaussian mixture of every object."""

    mean: Array
    cov: Array
    weight: Array


def switching(modes: int, dt_s: float, dwell_s: float) -> Array:
    """Markov chain of the modes over `dt_s`, of mean dwell time `dwell_s` in each."""
    stay = float(np.exp(-dt_s / dwell_s)) if modes > 1 else 1.0
    chain = np.full((modes, modes), (1.0 - stay) / max(1, modes - 1))
    np.fill_diagonal(chain, stay)
    return chain


def mix(belief: Belief, chain: Array) -> Belief:
    """The belief each mode starts from, once the objects may have changed their mode."""
    weight = belief.weight @ chain
    share = belief.weight[:, :, None] * chain[None] / weight[:, None, :]  # (n, from, to)
    mean = np.einsum("nij,nik->njk", share, belief.mean)
    apart = belief.mean[:, :, None, :] - mean[:, None, :, :]  # (n, from, to, 4)
    cov = np.einsum("nij,nikl->njkl", share, belief.cov) + np.einsum("nij,nijk,nijl->njkl", share, apart, apart)
    return Belief(mean, cov, weight)


def predict(belief: Belief, models: Sequence[MotionModel], dt_s: float) -> Belief:
    """Every mode moved ahead by `dt_s` under its own model; no mixing."""
    once = {model: discretise(model, dt_s) for model in dict.fromkeys(models)}
    transition, noise = (np.array([once[model][part] for model in models]) for part in (0, 1))
    mean = np.einsum("mij,nmj->nmi", transition, belief.mean)
    cov = transition @ belief.cov @ np.swapaxes(transition, -1, -2) + noise
    return Belief(mean, cov, belief.weight)


def update(belief: Belief, seen: Array, seen_cov: Array) -> tuple[Belief, Array]:
    """Measure the whole state: `seen (n, 4)`, `seen_cov (n, 4, 4)`.

    Returns the belief after it and the squared Mahalanobis distance (n,) of the best-fitting mode.
    """
    innovation = seen[:, None, :] - belief.mean
    spread = belief.cov + seen_cov[:, None]
    whitened = np.linalg.solve(spread, np.concatenate([innovation[..., None], belief.cov], axis=-1))
    distance = np.einsum("nmi,nmi->nm", innovation, whitened[..., 0])
    gain = np.swapaxes(whitened[..., 1:], -1, -2)  # cov @ spread^-1, both symmetric
    mean = belief.mean + np.einsum("nmij,nmj->nmi", gain, innovation)
    left = np.eye(4) - gain
    cov = left @ belief.cov @ np.swapaxes(left, -1, -2) + gain @ seen_cov[:, None] @ np.swapaxes(gain, -1, -2)
    log_likelihood = -0.5 * (distance + np.linalg.slogdet(spread)[1] + 4 * LOG_2PI)
    log_weight = np.log(belief.weight) + log_likelihood
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    weight = np.maximum(weight / weight.sum(axis=1, keepdims=True), WEIGHT_FLOOR)
    weight /= weight.sum(axis=1, keepdims=True)
    return Belief(mean, cov, weight), distance.min(axis=1)
