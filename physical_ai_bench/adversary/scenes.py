"""What stands and walks around the robot in one episode, and how good its senses and brakes are: drawn from a seed.

All that is drawn stays inside what docs/safety.md claims; `sudden` alone goes beyond and is told apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from physical_ai_bench.adversary.setups import LAYOUTS, OPEN, RULES, Setup, setup
from physical_ai_bench.adversary.world import gaps, place

KINDS: Final = (
    "wall", "corner", "post", "chair", "doorway", "clutter", "behind", "person", "people", "fence", "slope", "sudden",
)  # fmt: skip
BEYOND: Final = ("sudden",)  # nothing is claimed there
CLEAR_M: Final = 0.12  # around the footprint at the start
UNSEEN_M: Final = 2.0  # what was never seen behind the robot begins farther away than this
BOARD_M: Final = 0.015  # half the thickness of a wall
WALKS_S: Final = 6.0
HALF_FIELD_RAD: Final = 0.75 * math.pi
GRAVITY_MPS2: Final = 9.81


@dataclass(frozen=True)
class Senses:
    """How the robot senses, is told and obeys. Delays are from the stamp to the gate, or from it to the wheels."""

    rays: int
    full_circle: bool
    scan_ticks: int
    scan_delay_ticks: int
    noise_m: float
    dropouts: float
    wheels_noise_mps: float
    dead_steps: int
    lag_s: float
    braking: float  # share of the rules' value, at least 1
    push: float
    sigma_m: float
    error_m: float
    error_rad: float
    error_yaw_rad: float


@dataclass(frozen=True)
class Scene:
    """`walls` (S, 4), `rounds` (C, 5) as in `world`; `start`: x, y, yaw; `slope_rad` and where it falls to."""

    kind: str
    setup: Setup
    walls: Any
    rounds: Any
    start: tuple[float, float, float]
    slope_rad: float
    downhill_rad: float
    turns_s: float  # when those who are sudden change their mind; inf: never
    senses: Senses


def draw(kind: str, rng: np.random.Generator) -> Scene:
    """A scene of this kind in which the robot may stand at its start. Deterministic by the generator's state."""
    zoned = kind == "fence"
    rules = str(rng.choice(RULES))
    robot = "jackal" if rng.random() < 0.3 else "scout"
    layout = str(rng.choice(sorted(LAYOUTS))) if zoned else OPEN
    chosen = setup(rules, robot, layout)
    senses = _senses(chosen, rng)
    if kind in ("person", "people", "sudden") and rng.random() < 0.5:
        senses = _full(senses)
    slope = float(rng.uniform(0.03, 0.18)) if kind == "slope" else 0.0
    for attempt in range(200):
        start = _start(chosen, layout, senses, rng)
        walls, rounds = _surroundings(kind, start, rng)
        if attempt == 100:
            senses = _full(senses)
        if _admissible(chosen, walls, rounds, start, senses):
            break
    else:
        walls, rounds = np.empty((0, 4)), np.empty((0, 5))
    turns = float(rng.uniform(0.5, 3.0)) if kind == "sudden" else math.inf
    return Scene(kind, chosen, walls, rounds, start, slope, float(rng.uniform(-math.pi, math.pi)), turns, senses)


def _full(senses: Senses) -> Senses:
    return Senses(**{**senses.__dict__, "full_circle": True})


def _senses(chosen: Setup, rng: np.random.Generator) -> Senses:
    stopping, place_ = chosen.rules.file.stopping, chosen.rules.file.localisation
    dead = int(rng.integers(0, int(stopping.actuator_s / 0.005) + 1))
    sigma = float(rng.uniform(place_.min_sigma_m, 0.15))
    return Senses(
        rays=int(rng.choice([360, 540, 720])), full_circle=bool(rng.random() < 0.3),
        scan_ticks=int(rng.choice([2, 3, 5])), scan_delay_ticks=int(rng.choice([0, 0, 1, 2, 4, 6])),
        noise_m=float(rng.uniform(0.0, 0.4)) * stopping.side_margin_m, dropouts=float(rng.choice([0.0, 0.02, 0.1])),
        wheels_noise_mps=float(rng.uniform(0.0, 0.01)), dead_steps=dead,
        lag_s=float(rng.uniform(0.0, 1.0)) * max(0.0, stopping.actuator_s - 0.005 * dead),
        braking=1.0 if rng.random() < 0.5 else float(rng.uniform(1.0, 1.6)), push=float(rng.uniform(1.0, 2.5)),
        sigma_m=sigma, error_m=3.0 * sigma * float(rng.uniform(0.0, 0.95)),
        error_rad=float(rng.uniform(-math.pi, math.pi)), error_yaw_rad=float(rng.uniform(-0.01, 0.01)),
    )  # fmt: skip


def _start(chosen: Setup, layout: str, senses: Senses, rng: np.random.Generator) -> tuple[float, float, float]:
    if layout == OPEN:
        return 0.0, 0.0, float(rng.uniform(-math.pi, math.pi))
    zones = LAYOUTS[layout]
    fence = shapely.Polygon(zones.fence) if zones.fence else shapely.box(-4.0, -3.0, 4.0, 3.0)
    room = shapely.union_all([shapely.Polygon(shape) for shape in zones.keep_out])
    margin = 6.0 * senses.sigma_m + CLEAR_M
    for _ in range(400):
        x, y, yaw = rng.uniform(-4.5, 4.5), rng.uniform(-3.0, 4.0), rng.uniform(-math.pi, math.pi)
        corners = np.empty_like(chosen.outline)
        place(chosen.outline, x, y, yaw, corners)
        body = shapely.Polygon(corners).buffer(margin)
        if fence.contains(body) and not body.intersects(room):
            return float(x), float(y), float(yaw)
    return -3.0, 0.0, 0.0


def _around(start: tuple[float, float, float], far: float, bearing: float) -> tuple[float, float]:
    angle = start[2] + bearing
    return start[0] + far * math.cos(angle), start[1] + far * math.sin(angle)


def _segment(x: float, y: float, angle: float, length: float) -> list[float]:
    c, s = 0.5 * length * math.cos(angle), 0.5 * length * math.sin(angle)
    return [x - c, y - s, x + c, y + s]


def _surroundings(kind: str, start: tuple[float, float, float], rng: np.random.Generator) -> tuple[Any, Any]:
    walls: list[list[float]] = []
    rounds: list[list[float]] = []
    u = rng.uniform
    if kind in ("wall", "slope"):
        for _ in range(int(rng.integers(1, 3))):
            bearing = float(u(-2.0, 2.0))
            x, y = _around(start, float(u(0.35, 3.0)), bearing)
            walls.append(_segment(x, y, start[2] + bearing + float(u(0.2, 2.9)), float(u(0.3, 6.0))))
    if kind == "corner":
        bearing, angle = float(u(-1.2, 1.2)), float(u(-math.pi, math.pi))
        x, y = _around(start, float(u(0.5, 2.5)), bearing)
        open_rad = float(u(0.4, 2.6))
        for side in (angle, angle + open_rad):
            walls.append([x, y, x + 2.5 * math.cos(side), y + 2.5 * math.sin(side)])
    if kind in ("post", "slope", "clutter"):
        for _ in range(int(rng.integers(1, 4)) if kind != "clutter" else int(rng.integers(5, 12))):
            x, y = _around(start, float(u(0.4, 3.0)), float(u(-math.pi, math.pi)))
            rounds.append([x, y, float(u(0.03, 0.3)), 0.0, 0.0])
    if kind == "clutter":
        for _ in range(int(rng.integers(1, 4))):
            x, y = _around(start, float(u(0.6, 3.0)), float(u(-math.pi, math.pi)))
            walls.append(_segment(x, y, float(u(0.0, math.pi)), float(u(0.1, 1.5))))
    if kind == "chair":
        for _ in range(int(rng.integers(1, 3))):
            x, y = _around(start, float(u(0.6, 2.2)), float(u(-1.8, 1.8)))
            wide, turn, leg = float(u(0.35, 0.8)), float(u(0.0, math.pi)), float(u(0.010, 0.02))
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                lx, ly = 0.5 * wide * a, 0.5 * wide * b
                px = x + lx * math.cos(turn) - ly * math.sin(turn)
                rounds.append([px, y + lx * math.sin(turn) + ly * math.cos(turn), leg, 0.0, 0.0])
    if kind == "doorway":
        far, bearing, half = float(u(0.6, 2.0)), float(u(-0.6, 0.6)), float(u(0.26, 0.5))
        x, y = _around(start, far, bearing)
        along = start[2] + bearing + 0.5 * math.pi + float(u(-0.7, 0.7))
        for side in (1.0, -1.0):
            c, s = side * math.cos(along), side * math.sin(along)
            walls.append([x + half * c, y + half * s, x + 3.0 * c, y + 3.0 * s])
            if rng.random() < 0.5:  # a deep frame
                d = start[2] + bearing
                px, py = x + half * c, y + half * s
                walls.append([px, py, px + math.cos(d), py + math.sin(d)])
    if kind == "behind":
        for _ in range(int(rng.integers(1, 4))):
            side = 1.0 if rng.random() < 0.5 else -1.0
            ahead, aside = float(u(0.1, 1.5)), side * float(u(0.36, 0.6))
            c, s = math.cos(start[2]), math.sin(start[2])
            x, y = start[0] + c * ahead - s * aside, start[1] + s * ahead + c * aside
            rounds.append([x, y, float(u(0.012, 0.12)), 0.0, 0.0])
    if kind in ("person", "people", "sudden"):
        for _ in range(1 if kind != "people" else int(rng.integers(2, 5))):
            rounds.append(_walker(start, rng))
        if rng.random() < 0.4:
            x, y = _around(start, float(u(2.0, 5.0)), float(u(-2.0, 2.0)))
            walls.append(_segment(x, y, float(u(0.0, math.pi)), float(u(1.0, 6.0))))
    for x1, y1, x2, y2 in walls:  # a wall that is seen from its end is no thinner than a board
        rounds += [[x1, y1, BOARD_M, 0.0, 0.0], [x2, y2, BOARD_M, 0.0, 0.0]]
    return np.array(walls).reshape(-1, 4), np.array(rounds).reshape(-1, 5)


def _walker(start: tuple[float, float, float], rng: np.random.Generator) -> list[float]:
    """Somebody who walks straight on, past a place where the robot may be in a while."""
    u = rng.uniform
    meet_s, speed = float(u(1.5, 4.5)), float(u(0.35, 1.6))
    x, y = _around(start, float(u(0.0, 2.5)), float(u(-0.9, 0.9)))
    course = float(u(-math.pi, math.pi))
    vx, vy = speed * math.cos(course), speed * math.sin(course)
    return [x - vx * meet_s, y - vy * meet_s, float(u(0.15, 0.3)), vx, vy]


def _admissible(chosen: Setup, walls: Any, rounds: Any, start: tuple[float, float, float], senses: Senses) -> bool:
    """The robot stands free, nothing it never saw is close behind it, and walkers begin at a distance."""
    corners = np.empty_like(chosen.outline)
    place(chosen.outline, *start, corners)
    gap = gaps(corners, start[0], start[1], 1e9, walls, rounds, np.empty((0, 4)))[0]
    if gap < CLEAR_M:
        return False
    moving = rounds[np.hypot(rounds[:, 3], rounds[:, 4]) > 0.0]
    if len(moving) and np.hypot(moving[:, 0] - start[0], moving[:, 1] - start[1]).min() < 1.6:
        return False
    for x, y, radius, vx, vy in moving:  # nobody walks through a wall
        way = shapely.LineString([(x, y), (x + WALKS_S * vx, y + WALKS_S * vy)])
        if any(way.distance(shapely.LineString([row[:2], row[2:]])) < radius + 0.1 for row in walls):
            return False
    if senses.full_circle:
        return True
    points = [rounds[:, :2]]
    for x1, y1, x2, y2 in walls:
        share = np.linspace(0.0, 1.0, max(2, int(math.hypot(x2 - x1, y2 - y1) / 0.05)))[:, None]
        points.append(np.array([x1, y1]) + share * np.array([x2 - x1, y2 - y1]))
    at = np.concatenate(points)
    sensor = _around(start, chosen.lidar_m[0], 0.0)
    bearing = np.arctan2(at[:, 1] - sensor[1], at[:, 0] - sensor[0]) - start[2]
    hidden = np.abs((bearing + math.pi) % (2.0 * math.pi) - math.pi) > HALF_FIELD_RAD - 0.3
    return not bool((hidden & (np.hypot(at[:, 0] - start[0], at[:, 1] - start[1]) < UNSEEN_M)).any())
