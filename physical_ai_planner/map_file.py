"""A map of the `map_server` format (a YAML file and a picture) as solid shapes in `map`.

Only what is occupied counts: what the map does not know is left to the sensors. Format: ROS `map_server` and Nav2
`map_io`, modes trinary, scale and raw.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import shapely
import yaml
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shapely import affinity

from physical_ai_core.errors import SiteError

RAW_OCCUPIED = range(65, 101)  # of 100; 255 is unknown
MOST_PIXELS = 60_000_000


class MapHeader(BaseModel):
    """The YAML file; keys that other readers know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    image: str
    resolution: float = Field(gt=0.0, le=10.0)  # m a pixel
    origin: tuple[float, float, Annotated[float, Field(ge=-7.0, le=7.0)]]  # pose of the lower left corner, in `map`
    occupied_thresh: float = Field(0.65, ge=0.0, le=1.0)
    free_thresh: float = Field(0.196, ge=0.0, le=1.0)
    negate: bool = False
    mode: Literal["trinary", "scale", "raw"] = "trinary"


class GridMap(NamedTuple):
    """`occupied` (H, W): rows along y from the lower left corner, whose pose in `map` is `origin` [x, y, yaw]."""

    occupied: NDArray[np.bool_]
    resolution_m: float
    origin: tuple[float, float, float]


def load_map(path: str | Path) -> GridMap:
    """Read a map. Raises SiteError with the file and what is wrong with it."""
    path = Path(path)
    try:
        header = MapHeader.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise SiteError(
            f"The map file {path} cannot be used: {error}.",
            "`map_file` of a site names the YAML file that map_saver writes: image, resolution, origin.",
        ) from error
    picture = path.parent / header.image
    try:
        with Image.open(picture) as image:
            if image.width * image.height > MOST_PIXELS:
                raise SiteError(f"The picture {picture} is too large.", f"At most {MOST_PIXELS} pixels are read.")
            shade, opaque = _shade(image)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise SiteError(f"The picture {picture} cannot be read: {error}.", "A PGM or PNG file is expected.") from error
    return GridMap(_occupied(shade, opaque, header)[::-1], header.resolution, header.origin)


def _shade(image: Image.Image) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean of the colours (H, W) in 0..255, top row first, and which pixels hide what is behind them."""
    if image.mode.startswith("I"):  # 16 bits
        deep = np.asarray(image, dtype=float)
        return deep * 255.0 / max(65535.0, float(deep.max(initial=0.0))), np.ones(deep.shape, dtype=bool)
    pixels = np.asarray(image.convert("RGBA"), dtype=float)
    return pixels[:, :, :3].mean(axis=2), pixels[:, :, 3] == 255.0


def _occupied(shade: NDArray[np.float64], opaque: NDArray[np.bool_], header: MapHeader) -> NDArray[np.bool_]:
    if header.mode == "raw":
        return (shade >= RAW_OCCUPIED.start) & (shade < RAW_OCCUPIED.stop)
    probability = shade / 255.0 if header.negate else (255.0 - shade) / 255.0
    occupied = probability > header.occupied_thresh
    return np.asarray(occupied & opaque if header.mode == "scale" else occupied)


def solid(grid: GridMap) -> shapely.Geometry:
    """What is occupied, as polygons in `map`; every occupied pixel is in them, and nothing else."""
    if not grid.occupied.any():
        return shapely.Polygon()
    padded = np.pad(grid.occupied, ((0, 0), (1, 1))).astype(np.int8)
    step = np.diff(padded, axis=1)
    row, first = np.nonzero(step == 1)
    _, last = np.nonzero(step == -1)
    row0, row1, first, last = _stacked(row, first, last)
    size = grid.resolution_m
    whole = shapely.union_all(shapely.box(first * size, row0 * size, last * size, row1 * size))
    x, y, yaw = grid.origin
    turned = affinity.rotate(whole, yaw, origin=(0.0, 0.0), use_radians=True) if yaw else whole
    return affinity.translate(turned, x, y)


Indices = NDArray[np.intp]


def _stacked(row: Indices, first: Indices, last: Indices) -> tuple[Indices, Indices, Indices, Indices]:
    """Runs of pixels as boxes: equal runs of rows that follow one another become one. (row0, row1, first, last)."""
    order = np.lexsort((row, last, first))
    row, first, last = row[order], first[order], last[order]
    fresh = np.r_[True, (np.diff(first) != 0) | (np.diff(last) != 0) | (np.diff(row) != 1)]
    begin = np.flatnonzero(fresh)
    end = np.r_[begin[1:], len(row)] - 1
    return row[begin], row[end] + 1, first[begin], last[begin]
