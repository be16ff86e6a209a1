"""The recurrence's weights in one flat array, laid out once for the way a step reads them.

Matrices are transposed (one input's weights to all outputs are neighbours, so a product runs over whole vectors);
`x_proj` puts B and C before the rank's rows and is padded to whole cache lines; every layer begins on a cache line.
What does not change is computed here: the decay -exp(A_log) of each channel, and its inverse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_core.errors import ModelError
from physical_ai_world_model.ssm.shape import Shape

Floats = NDArray[np.float32]
EPSILON: Final = np.float32(1e-5)  # of LayerNorm
FEATURE_LIMIT: Final = 1e6  # a feature beyond it, or an elapsed time, is refused
ELAPSED_LIMIT_S: Final = 1e6
LINE: Final = 16  # single precision numbers in a cache line, and in the widest vector


def tensor_sizes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Name and size of every tensor of the recurrence, as in the weights file."""
    d, di, n, r = shape.width, shape.inner, shape.state, shape.rank
    sizes: dict[str, tuple[int, ...]] = {"encoder.embed.weight": (d, shape.features), "encoder.embed.bias": (d,)}
    block: dict[str, tuple[int, ...]] = {
        "norm.weight": (d,), "norm.bias": (d,), "in_proj.weight": (2 * di, d), "x_proj.weight": (r + 2 * n, di),
        "dt_proj.weight": (di, r), "dt_proj.bias": (di,), "A_log": (di,), "D": (di,), "out_proj.weight": (d, di),
    }  # fmt: skip
    for i in range(shape.layers):
        sizes |= {f"encoder.blocks.{i}.{name}": size for name, size in block.items()}
    return sizes | {"encoder.norm.weight": (d,), "encoder.norm.bias": (d,)}


def checked(weights: Mapping[str, NDArray[np.generic]], shape: Shape) -> dict[str, Floats]:
    """The recurrence's tensors in single precision. Raises ModelError that names tensor and sizes."""
    found = {}
    for name, size in tensor_sizes(shape).items():
        if name not in weights:
            raise ModelError(f"The weights lack the tensor {name}.", f"It must be of size {size}.")
        tensor = np.asarray(weights[name])
        if tensor.shape != size:
            raise ModelError(f"The tensor {name} is of size {tensor.shape}, not {size}.", "Take weights of this shape.")
        found[name] = np.ascontiguousarray(tensor, dtype=np.float32)
        if not np.isfinite(found[name]).all():
            raise ModelError(f"The tensor {name} holds numbers that are not finite.", "Export or train them again.")
    return found


def padded(count: int) -> int:
    """The next whole number of cache lines."""
    return -(-count // LINE) * LINE


def pack(weights: Mapping[str, Floats], shape: Shape) -> tuple[Floats, dict[str, NDArray[np.float32]]]:
    """Checked weights → one flat array that begins on a cache line, and every part of it as a named view.

    Parts: `embed` (F, d), `embed_bias`; for layer i `i.norm_weight`, `i.norm_bias`, `i.in_proj` (d, 2 di), `i.x_proj`
    (di, padded 2 N + r) as [B, C, rank], `i.dt_proj` (r, di), `i.dt_bias`, `i.decay`, `i.decay_inverse`, `i.skip`,
    `i.out_proj` (di, d); `norm_weight`, `norm_bias`.
    """
    places, end = {}, 0
    for name, part in _parts(weights, shape):
        if name.endswith("norm_weight"):  # the first part of a layer, and what follows the last
            end = padded(end)
        places[name] = (end, part)
        end += part.size
    flat = aligned((padded(end),))
    views = {}
    for name, (begin, part) in places.items():
        views[name] = flat[begin : begin + part.size].reshape(part.shape)
        views[name][...] = part
    return flat, views


def _parts(weights: Mapping[str, Floats], shape: Shape) -> Iterator[tuple[str, Floats]]:
    """In the order in which a step reads them."""
    yield "embed", weights["encoder.embed.weight"].T
    yield "embed_bias", weights["encoder.embed.bias"]
    for i in range(shape.layers):
        of = f"encoder.blocks.{i}."
        x_proj = weights[of + "x_proj.weight"]
        seats = np.zeros((padded(len(x_proj)), shape.inner), dtype=np.float32)
        seats[: 2 * shape.state] = x_proj[shape.rank :]
        seats[2 * shape.state : len(x_proj)] = x_proj[: shape.rank]
        decay = -np.exp(weights[of + "A_log"].astype(np.float64))
        yield f"{i}.norm_weight", weights[of + "norm.weight"]
        yield f"{i}.norm_bias", weights[of + "norm.bias"]
        yield f"{i}.in_proj", weights[of + "in_proj.weight"].T
        yield f"{i}.x_proj", seats.T
        yield f"{i}.dt_proj", weights[of + "dt_proj.weight"].T
        yield f"{i}.dt_bias", weights[of + "dt_proj.bias"]
        yield f"{i}.decay", decay.astype(np.float32)
        yield f"{i}.decay_inverse", (1.0 / decay).astype(np.float32)
        yield f"{i}.skip", weights[of + "D"]
        yield f"{i}.out_proj", weights[of + "out_proj.weight"].T
    yield "norm_weight", weights["encoder.norm.weight"]
    yield "norm_bias", weights["encoder.norm.bias"]


def aligned(size: tuple[int, ...]) -> Floats:
    """Zeros in single precision whose first element lies on a cache line."""
    count = int(np.prod(size))
    room = np.zeros(count + LINE, dtype=np.float32)
    skip = (-room.ctypes.data % (4 * LINE)) // 4
    return room[skip : skip + count].reshape(size)
