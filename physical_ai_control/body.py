"""The robot as the controller needs it: one circle against people, a row of circles on its axis against narrow places.

The row comes from the footprint's polygon: cut across into equal lengths, each part gets the smallest circle on the
x axis that holds it. More of them lie closer to the sides; ahead of a flat front the outermost still reaches out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Final, NamedTuple

import numpy as np
import shapely

from physical_ai_core.geometry import Array
from physical_ai_core.robot import Robot, RobotError

TOLERANCE_M: Final = 0.04
MOST_CIRCLES: Final = 6  # each is a row of every problem of the MPC
SAMPLE_M: Final = 0.002
UNCOVERED_M: Final = 1e-6
NEAR_M: Final = 1e-9
DIGITS: Final = 9  # places of circles are rounded to a nanometre

Circle = tuple[float, float]


class Body(NamedTuple):
    """`radius_m`: circle around base_link. `circles (n, 2)`: centre along x and radius, from front to rear; they hold
    the footprint. The outermost centres and the largest radius are also named."""

    radius_m: float
    front_m: float
    rear_m: float
    half_radius_m: float
    half_m: Array  # (2,) half length and half width of a rectangle around base_link that holds the footprint
    circles: Array


class Excess(NamedTuple):
    """What the circles add to the footprint: wider than it at any length, longer, and farthest from it in any way."""

    beside_m: float
    lengthwise_m: float
    anywhere_m: float


def body_of(robot: Robot, tolerance_m: float = TOLERANCE_M) -> Body:
    """Circles of the robot file, else as few as are nowhere wider than the footprint by more than `tolerance_m`, and
    never more than six. Raises RobotError where those of the file leave some of the footprint uncovered."""
    corners = np.array(robot.footprint)
    circles = np.array(sorted(robot.circles or covering(robot.footprint, tolerance_m), reverse=True))
    bare = uncovered(circles, corners)
    if bare is not None:
        raise RobotError(
            f"The circles of robot '{robot.name}' leave ({bare[0]:.3f}, {bare[1]:.3f}) of its footprint uncovered.",
            "Enlarge them, or leave `circles` out of the robot file: they are then chosen.",
        )
    return Body(
        robot.radius_m, float(circles[0, 0]), float(circles[-1, 0]), float(circles[:, 1].max()),
        np.abs(corners).max(axis=0), circles,
    )  # fmt: skip


def covering(footprint: Sequence[Circle], tolerance_m: float) -> list[Circle]:
    """`(x, radius)` of the fewest circles that keep the tolerance at the sides, or six."""
    corners = np.array(footprint)
    found: list[Circle] = []
    for count in range(1, MOST_CIRCLES + 1):
        cuts = np.linspace(corners[:, 0].min(), corners[:, 0].max(), count + 1)
        parts = [_between(corners, low, high) for low, high in pairwise(cuts)]
        found = [_smallest(part) for part in parts]
        wider = max(radius - np.abs(part[:, 1]).max() for (_, radius), part in zip(found, parts, strict=True))
        if wider <= tolerance_m:
            break
    return found


def excess(circles: Array, footprint: Array) -> Excess:
    """How much larger the circles are; `anywhere_m` by points on them every half degree."""
    turn = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    rim = np.concatenate([[x, 0.0] + r * np.column_stack([np.cos(turn), np.sin(turn)]) for x, r in circles])
    half = circles[:, 1:] * np.array([[-1.0, 1.0]])
    ends = (circles[:, :1] + half).min(), (circles[:, :1] + half).max()
    low, high = footprint[:, 0].min(), footprint[:, 0].max()
    inside = rim[(rim[:, 0] >= low) & (rim[:, 0] <= high)]
    wide = np.array([np.abs(_between(footprint, x - NEAR_M, x + NEAR_M)[:, 1]).max() for x in inside[:, 0]])
    return Excess(
        float((np.abs(inside[:, 1]) - wide).max(initial=0.0)), float(max(low - ends[0], ends[1] - high)),
        float(shapely.distance(shapely.Polygon(footprint), shapely.points(rim)).max()),
    )  # fmt: skip


def uncovered(circles: Array, footprint: Array) -> Array | None:
    """A point (2,) of the footprint outside all circles; None where there is none.

    Across the axis, circles on it cover an interval around it: if the polygon's edges are covered, all of it is.
    """
    following = np.roll(footprint, -1, axis=0)
    count = int(np.ceil(np.hypot(*(following - footprint).T).max() / SAMPLE_M)) + 1
    share = np.linspace(0.0, 1.0, count)[:, None, None]
    edge = (footprint + share * (following - footprint)).reshape(-1, 2)
    over = (np.hypot(edge[:, None, 0] - circles[:, 0], edge[:, None, 1]) - circles[:, 1]).min(axis=1)
    worst = int(np.argmax(over))
    return edge[worst] if over[worst] > UNCOVERED_M else None


def _between(corners: Array, low: float, high: float) -> Array:
    """Corners of the polygon's part with `low <= x <= high`."""
    tall = 2.0 * np.abs(corners[:, 1]).max()
    part = shapely.intersection(shapely.Polygon(corners), shapely.box(low, -tall, high, tall))
    return np.asarray(shapely.get_coordinates(part))


def _smallest(points: Array) -> Circle:
    """Smallest circle with its centre on the x axis that holds the points: one or two of them lie on it."""
    squares = (points**2).sum(axis=1)
    centres = list(points[:, 0])
    for i, j in combinations(range(len(points)), 2):
        apart = points[j, 0] - points[i, 0]
        if abs(apart) > UNCOVERED_M:
            centres.append(0.5 * (squares[j] - squares[i]) / apart)
    sizes = [(float(np.hypot(points[:, 0] - x, points[:, 1]).max()), float(x)) for x in np.round(centres, DIGITS)]
    radius, x = min(sizes)
    return x, radius
