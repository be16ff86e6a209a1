"""Random fields: star-shaped outlines with boxes and discs cut out."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely import affinity

fields = st.builds(
    lambda seed, corners, holes, size: random_field(seed, corners, holes, size),
    st.integers(0, 100_000), st.integers(3, 9), st.integers(0, 4), st.floats(6.0, 25.0),
)  # fmt: skip


def random_field(seed: int, corners: int, holes: int, size_m: float) -> shapely.Geometry:
    """A polygon of some `size_m` across; a hole may cut it in two."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, corners)) + np.linspace(0.0, 1e-3, corners)
    radius = 0.5 * size_m * rng.uniform(0.35, 1.0, corners)
    field = shapely.Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])).buffer(0.0)
    for _ in range(holes):
        middle = rng.uniform(-0.3, 0.3, 2) * size_m
        half = rng.uniform(0.1, 0.12 * size_m, 2)
        hole = shapely.box(*(middle - half), *(middle + half))
        turned = affinity.rotate(hole, float(rng.uniform(0.0, 90.0)))
        field = field - (turned if rng.random() < 0.6 else shapely.Point(*middle).buffer(float(half[0])))
    return field
