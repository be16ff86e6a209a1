"""What is passed over where a way is looked down, has no part in the answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_safety.footprint import Hull, sort_points
from physical_ai_safety.under_way import KEPT, _spare

HULL = Hull([(0.35, 0.21), (-0.2, 0.21), (-0.2, -0.21), (0.35, -0.21)], 0.05)
Pose = tuple[float, float, float]
Point = tuple[float, float]


def by_each(points: list[Point], poses: list[Pose]) -> tuple[float, float]:
    """The same by every return from every pose, one at a time."""
    spare, nearest = math.inf, math.inf
    for x, y in points:
        here = float(HULL.bare.heights(np.array([x]), np.array([y])).max())
        least = min(KEPT * HULL.margin_m, KEPT * here if here > 0.0 else here)
        for px, py, yaw in poses:
            dx, dy, c, s = x - px, y - py, math.cos(yaw), math.sin(yaw)
            away = float(HULL.bare.heights(np.array([c * dx + s * dy]), np.array([c * dy - s * dx])).max())
            spare, nearest = min(spare, away - least), min(nearest, away)
    return spare, nearest


def found(points: list[Point], poses: list[Pose]) -> tuple[float, float]:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    way_m = max((math.hypot(px, py) for px, py, _ in poses), default=0.0)
    return _spare(HULL, sort_points(HULL, x, y), poses, way_m)


way = st.builds(
    lambda v, w, n: [(v * k * math.cos(0.5 * w * k), v * k * math.sin(0.5 * w * k), w * k) for k in range(n + 1)],
    st.floats(-0.3, 0.3), st.floats(-0.5, 0.5), st.integers(0, 12),
)  # fmt: skip
around = st.lists(st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)), min_size=1, max_size=6)


@settings(max_examples=400, deadline=None)
@given(points=around, poses=way)
def test_every_return_that_is_met_counts_from_every_pose(points: list[Point], poses: list[Pose]) -> None:
    spare, nearest = found(points, poses)
    expected, least = by_each(points, poses)
    if expected < 0.0:
        assert (spare, nearest) == (pytest.approx(expected, abs=1e-9), pytest.approx(least, abs=1e-9))
    else:
        assert spare >= -1e-9 and nearest >= min(least, HULL.margin_m) - 1e-9


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("across", [False, True])
def test_what_lies_along_the_end_of_a_long_way_is_met(sign: float, across: bool) -> None:
    """Ahead and behind; and to either side, for what is led sideways by a slope."""
    poses = [(0.0, 0.2 * sign * k, 0.0) if across else (0.2 * sign * k, 0.0, 0.0) for k in range(11)]
    point = (0.05, 2.0 * sign) if across else (2.0 * sign, 0.05)
    spare, nearest = found([point], poses)
    assert spare < -0.1 and nearest < -0.1


def test_without_a_way_or_without_returns_there_is_room_without_end() -> None:
    assert found([(0.0, 0.0)], []) == (math.inf, math.inf)
    assert found([], [(0.0, 0.0, 0.0)]) == (math.inf, math.inf)
    assert found([(9.0, 0.0)], [(0.0, 0.0, 0.0)]) == (math.inf, math.inf)
    assert found([(0.9, 0.9)], [(0.0, 0.0, 0.0), (1.2, 0.0, 0.0)]) == (math.inf, math.inf)
