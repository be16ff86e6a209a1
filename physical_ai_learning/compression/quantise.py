"""Ways to store trained weights without training them again, from half floats to steps that know what matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc

from physical_ai_core.compact.file import Codec, Kind
from physical_ai_core.compact.golomb import MOST_ORDER
from physical_ai_core.compact.numbers import Coder
from physical_ai_learning.compression.ggd import Fit

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]
EIGHT_BITS: Final = 127


def floats(tensors: Tensors, kind: Kind) -> dict[str, Codec]:
    """Everything as fp32, fp16, bf16, or as RF8 one byte each."""
    return {name: Codec(kind, coder="packed") for name in tensors}


def rf8_coded(tensors: Tensors) -> dict[str, Codec]:
    """Matrices as RF8 codes, coded as short as they can be; vectors in fp16."""
    return {name: Codec("rf8") if value.ndim >= 2 else Codec("fp16") for name, value in tensors.items()}


def int8_rows(tensors: Tensors) -> dict[str, Codec]:
    """The usual: matrices in 8 bits with one step a row, its greatest weight at 127; vectors in fp32."""
    return {
        name: Codec("uniform", row_steps(value, EIGHT_BITS), "packed") if value.ndim >= 2 else Codec("fp32")
        for name, value in tensors.items()
    }


def row_steps(value: Floats, levels: int) -> Floats:
    """Step of each row with which its greatest weight is `levels` steps."""
    greatest = np.abs(value.reshape(len(value), -1)).max(axis=1)
    return np.where(greatest > 0.0, greatest / levels, 1.0).astype(np.float32)


def uniform(steps: Mapping[str, float], coder: Coder = "shortest") -> dict[str, Codec]:
    """One step a tensor."""
    return {name: Codec("uniform", step, coder) for name, step in steps.items()}


def with_outliers(tensors: Tensors, codecs: Mapping[str, Codec], deviations: float) -> dict[str, Codec]:
    """Single weights beyond so many standard deviations of their tensor are kept in fp16."""
    found = dict(codecs)
    for name, codec in codecs.items():
        value = tensors[name]
        far = np.flatnonzero(np.abs(value - value.mean()).ravel() > deviations * float(value.std()))
        if codec.kind == "uniform" and value.ndim >= 2 and len(far):
            found[name] = Codec("uniform", codec.step, codec.coder, far)
    return found


def golomb_order(spread: Fit, step: float) -> int:
    """The order of exponential Golomb that suits a generalised Gaussian at a step: the least expected length."""
    numbers = np.arange(0, max(8, int(np.ceil(20.0 * spread.scale / step)) * 4))
    inside = gammainc(1.0 / spread.shape, ((numbers + 0.5) * step / spread.scale) ** spread.shape)
    share = np.diff(inside, prepend=0.0)  # of both signs together
    positive, negative = 2 * numbers, np.maximum(2 * numbers - 1, 0)

    def expected(order: int) -> float:
        digits = [np.frexp((values + (1 << order)).astype(float))[1] for values in (positive, negative)]
        return float(share @ (digits[0] + digits[1] - 1 - order))

    return min(range(MOST_ORDER), key=expected)
