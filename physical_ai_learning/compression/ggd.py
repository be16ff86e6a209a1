"""How weights are spread: the generalised Gaussian and its relatives, fitted, and chosen by weights not fitted to.

    p(w) = ν / (2 α Γ(1/ν)) · exp(−(|w − μ| / α)^ν)      ν = 2 Gaussian, ν = 1 Laplace, smaller: sharper, longer tail

The shape ν comes from the moment ratio E[w²] / E[|w|]² = Γ(1/ν) Γ(3/ν) / Γ(2/ν)² (Sharifi and Leon-Garcia 1995), which
BackSlash (Wu, Wen, Han, arXiv 2504.16968) reads from a table, or from maximum likelihood, less moved by outliers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gamma, gammaincinv, gammaln

Array = NDArray[np.float64]
LEAST_SHAPE: Final = 0.2
MOST_SHAPE: Final = 6.0
SHAPES: Final[Array] = np.geomspace(LEAST_SHAPE, MOST_SHAPE, 512)
RATIOS: Final[Array] = gamma(1.0 / SHAPES) * gamma(3.0 / SHAPES) / gamma(2.0 / SHAPES) ** 2  # falls as the shape grows
FAMILIES: Final = ("gaussian", "laplace", "ggd", "student")
TINY: Final = 1e-12


@dataclass(frozen=True)
class Fit:
    """A family with its middle, scale (α; Student: scale) and shape (ν; Student: degrees of freedom)."""

    family: str
    middle: float
    scale: float
    shape: float

    def log_density(self, values: ArrayLike) -> Array:
        """Natural logarithm of the density at each value."""
        x = np.abs(np.asarray(values, dtype=np.float64) - self.middle) / self.scale
        if self.family == "student":
            n = self.shape
            norm = gammaln((n + 1.0) / 2.0) - gammaln(n / 2.0) - 0.5 * np.log(n * np.pi) - np.log(self.scale)
            return np.asarray(norm - (n + 1.0) / 2.0 * np.log1p(x**2 / n))
        v = self.shape
        return np.asarray(np.log(v) - np.log(2.0 * self.scale) - gammaln(1.0 / v) - x**v)


def shape_by_moments(values: ArrayLike, middle: float = 0.0) -> float:
    """ν by the moment ratio, within [LEAST_SHAPE, MOST_SHAPE]."""
    x = np.abs(np.asarray(values, dtype=np.float64) - middle)
    ratio = float(np.mean(x**2) / max(float(np.mean(x)), TINY) ** 2)
    return float(np.interp(ratio, RATIOS[::-1], SHAPES[::-1]))


def scale_of(values: ArrayLike, shape: float, middle: float = 0.0) -> float:
    """The likeliest α where ν is known: (ν mean|w − μ|^ν)^(1/ν)."""
    x = np.abs(np.asarray(values, dtype=np.float64) - middle)
    return max(float((shape * np.mean(x**shape)) ** (1.0 / shape)), TINY)


def fit(values: ArrayLike, family: str = "ggd", middle: float | None = 0.0) -> Fit:
    """Maximum likelihood. `middle`: None takes the median. Needs a few dozen values to mean anything."""
    x = np.asarray(values, dtype=np.float64).ravel()
    centre = float(np.median(x)) if middle is None else middle
    if family == "gaussian":
        return Fit(family, centre, scale_of(x, 2.0, centre), 2.0)
    if family == "laplace":
        return Fit(family, centre, scale_of(x, 1.0, centre), 1.0)
    if family == "ggd":
        made: Callable[[float], Fit] = lambda v: Fit("ggd", centre, scale_of(x, v, centre), v)  # noqa: E731
        return _likeliest(x, made, LEAST_SHAPE, MOST_SHAPE)
    if family == "student":
        return _likeliest(x, lambda n: Fit("student", centre, _student_scale(x - centre, n), n), 1.0, 200.0)
    raise ValueError(f"unknown family '{family}'")


def _likeliest(x: Array, made: Callable[[float], Fit], low: float, high: float) -> Fit:
    found = minimize_scalar(
        lambda log_shape: -float(made(float(np.exp(log_shape))).log_density(x).mean()),
        bounds=(np.log(low), np.log(high)), method="bounded", options={"xatol": 1e-3},
    )  # fmt: skip
    return made(float(np.exp(found.x)))


def _student_scale(x: Array, freedom: float, rounds: int = 30) -> float:
    """EM for the scale of a Student-t of known freedom."""
    square = x**2
    variance = max(float(np.median(square)), TINY**2)
    for _ in range(rounds):
        variance = max(float(np.mean((freedom + 1.0) / (freedom + square / variance) * square)), TINY**2)
    return float(np.sqrt(variance))


def held_out(values: ArrayLike, parts: int = 4, seed: int = 0) -> Mapping[str, float]:
    """Mean log likelihood in nats of values a family was not fitted to, by family (k-fold)."""
    x = np.random.default_rng(seed).permutation(np.asarray(values, dtype=np.float64).ravel())
    folds = np.array_split(x, parts)
    found: dict[str, float] = {}
    for family in FAMILIES:
        total = 0.0
        for k, judged in enumerate(folds):
            learnt = np.concatenate([fold for j, fold in enumerate(folds) if j != k])
            total += float(fit(learnt, family).log_density(judged).sum())
        found[family] = total / len(x)
    return found


def choose(values: ArrayLike) -> Fit:
    """The family that explains held-out weights best, fitted to all of them."""
    scores = held_out(values)
    return fit(values, max(scores, key=lambda family: scores[family]))


def quantiles(share: ArrayLike, shape: float, scale: float) -> Array:
    """The inverse distribution function of the centred generalised Gaussian."""
    p = np.asarray(share, dtype=np.float64)
    away = gammaincinv(1.0 / shape, np.abs(2.0 * p - 1.0)) ** (1.0 / shape)
    return np.asarray(np.sign(p - 0.5) * scale * away)


def draw(rng: np.random.Generator, size: tuple[int, ...], shape: float, scale: float) -> Array:
    """Values of the generalised Gaussian: |w / α|^ν is gamma distributed with shape 1/ν."""
    return np.asarray(rng.choice((-1.0, 1.0), size) * scale * rng.gamma(1.0 / shape, 1.0, size) ** (1.0 / shape))


def scale_for(variance: float, shape: float) -> float:
    """α of the generalised Gaussian with that variance: sqrt(variance Γ(1/ν) / Γ(3/ν))."""
    return float(np.sqrt(variance * gamma(1.0 / shape) / gamma(3.0 / shape)))
