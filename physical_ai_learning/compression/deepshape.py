"""DeepShape: after training, weights are moved until they follow a sharper distribution (Wu et al., arXiv 2506.00486).

As a histogram is equalised: the k-th smallest of n weights becomes the (k + ½) / n quantile of a generalised Gaussian
with a smaller shape, so the order of the weights stays and more of them come close to zero. What it costs is error; the
paper mends that by some more training.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_learning.compression.ggd import fit, quantiles, scale_for

Floats = NDArray[np.float32]
SHARPER: Final = 0.8  # of the shape that was found: the paper's code takes this


def reshaped(values: Floats, sharper: float = SHARPER, narrower: float = 1.0) -> Floats:
    """The weights with `sharper` times their shape and `narrower` times their standard deviation about zero."""
    x = values.astype(np.float64).ravel()
    shape = fit(x, "ggd").shape * sharper
    deviation = float(np.sqrt(np.mean(x**2))) * narrower
    wanted = quantiles((np.arange(len(x)) + 0.5) / len(x), shape, scale_for(deviation**2, shape))
    found = np.empty_like(x)
    found[np.argsort(x, kind="stable")] = wanted
    return found.astype(np.float32).reshape(values.shape)
