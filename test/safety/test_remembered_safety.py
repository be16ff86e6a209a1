"""What slips off the edge of a sweep stays where it was seen last, with a back, until it is looked at again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning, PlanarPose
from physical_ai_safety.footprint import Hull
from physical_ai_safety.looks import View
from physical_ai_safety.ranges import RangeField
from physical_ai_safety.remembered import OutOfSight, Sight

HULL = Hull([(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)], 0.05)
ORIGIN = PlanarPose(0.0, 0.0, 0.0)
HALF, STEP = 1.0, 0.1
AHEAD = View(0.0, 0.0, 0.0, HALF)
TIME = 5.0


def rows(*places: tuple[float, float], stamp_s: float = 1.0) -> np.ndarray:
    """At these ranges and bearings."""
    return np.array([(r * math.cos(a), r * math.sin(a), stamp_s) for r, a in places]).reshape(-1, 3)


def fronts(
    *places: tuple[float, float], met: tuple[tuple[float, float], ...] = (), view: View = AHEAD,
    others: tuple[View, ...] = (), stamp_s: float = 1.1, pose: PlanarPose = ORIGIN, step_rad: float = STEP,
) -> list[int]:  # fmt: skip
    """Which of these places, (range, bearing) that stood there, are remembered by one sweep that meets `met`."""
    memory, stood = OutOfSight(TIME), rows(*places)
    memory.sweep(stood, rows(*met)[:, :2], Sight(stamp_s, pose, view, step_rad), view, others)
    assert len(memory.rows) % 2 == 0 and (memory.rows[:, 2] == 1.0).all()
    kept = memory.rows[len(memory.rows) // 2 :]  # after the backs
    return [k for k, row in enumerate(stood) if (kept == row).all(axis=1).any()]


# --- the edge ---


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("r", [0.5, 1.0, 1.4])
def test_a_ray_and_a_half_of_the_space_between_returns_from_the_edge_nothing_is_taken_for_gone(
    side: float, r: float
) -> None:
    zone = STEP + 0.015 / r
    at = [(r, side * a) for a in (HALF + 0.5, HALF + 1e-3, HALF - 1e-3, HALF - zone + 1e-3, HALF - zone - 1e-3, 0.0)]
    assert fronts(*at) == [0, 1, 2, 3]


def test_nearer_to_the_sensor_than_returns_are_apart_the_edge_is_no_wider() -> None:
    zone = STEP + 1.0
    wide = View(0.0, 0.0, 0.0, 1.5)
    assert fronts((0.015, 1.5 - zone + 1e-3), (0.01, 1.5 - zone + 1e-3), (0.01, 1.5 - zone - 1e-3), view=wide) == [0, 1]


def test_what_is_met_again_at_the_edge_is_not_kept_twice() -> None:
    at = (1.0, HALF - 0.05)
    assert fronts(at, met=(at,)) == [] and fronts(at, met=((1.029, HALF - 0.05),)) == []
    assert fronts(at, met=((1.031, HALF - 0.05),)) == [0] and fronts(at, met=((0.969, HALF - 0.05),)) == [0]
    assert fronts(at, (1.0, 0.9 - HALF), (1.1, HALF), met=(at,)) == [2]


def test_a_return_nearer_to_the_middle_is_of_what_is_left_of_a_wider_thing() -> None:
    """Beside a thing's last return lies the rest of it: that does not say that its end is still in sight."""
    for side in (1.0, -1.0):
        end = (0.2, side * (HALF - 0.05))
        assert fronts(end, met=((0.2, side * (HALF - 0.05)),)) == []
        assert fronts(end, met=((0.2, side * (HALF - 0.051)),)) == [0]
        assert fronts(end, met=((0.2, side * (HALF + 0.08)),)) == []
        assert fronts(end, (0.2, side * (HALF + 0.01)), met=(end,)) == [1], "out of sight nothing is met"


def test_a_round_thing_that_slips_off_the_edge_slowly_is_remembered_all_round() -> None:
    """Less than a ray a sweep: each sweep's last ray meets the next piece, and none of the pieces before is lost."""
    own, memory_s, r = DeadReckoning(), 60.0, 0.25
    field = RangeField(HULL, own, 3.0, memory_s, (0.3, 3.0))
    step, middle = 0.02, 1.1  # where its middle is, in the frame of the start
    for k in range(120):
        stamp_s = 1.0 + 0.1 * k
        own.move(stamp_s, 0.0, -0.08 if k else 0.0)
        bearings = np.linspace(-1.0, 1.0, 101)
        off = bearings - (middle - own.now.yaw_rad)
        hit = 0.9 * np.abs(np.sin(off)) < r
        ranges = np.where(hit, 0.9 * np.cos(off) - np.sqrt(np.maximum(r * r - (0.9 * np.sin(off)) ** 2, 0.0)), np.inf)
        field.sweep(m.LaserScan(stamp_s, "lidar", -1.0, step, 0.05, 25.0, ranges.astype(np.float32)), Mount())
    near = field.now().near
    bearing = middle - own.now.yaw_rad
    x, y = near.x - 0.9 * math.cos(bearing), near.y - 0.9 * math.sin(bearing)
    skin = np.abs(np.hypot(x, y) - r) < 0.01
    around = np.sort(np.arctan2(y[skin], x[skin]) - bearing + math.pi)
    around = np.sort((around + math.pi) % (2.0 * math.pi) - math.pi)  # from the side towards the sensor
    first = -math.acos(r / 0.9) + 0.15  # where the last ray met it in the first sweep, and some
    assert np.diff(around[around > first]).max() * r < 0.04 and around[-1] > first + 1.0


def test_what_is_remembered_already_is_not_remembered_again() -> None:
    memory, free = OutOfSight(TIME), np.empty((0, 2))
    for k, (r, count) in enumerate(((1.0, 2), (1.0, 2), (1.0049, 2), (1.0051, 4), (1.0, 4))):
        memory.sweep(rows((r, 2.0), stamp_s=1.0 + 0.1 * k), free, Sight(1.1 + 0.1 * k, ORIGIN, AHEAD, STEP), AHEAD, ())
        assert len(memory.rows) == count


def test_each_thing_is_held_against_each_return() -> None:
    things = [(1.0, HALF - 0.02), (1.2, 0.02 - HALF), (0.6, HALF - 0.03), (0.8, HALF - 0.04)]
    assert fronts(*things, met=(things[3], (1.3, 0.0), things[1])) == [0, 2]


def test_a_leg_that_passes_the_edge_by_less_than_a_ray_a_sweep_stays_remembered_for_its_time() -> None:
    """It is met by the last ray, then by none, for it stands between that and where the sweep ends."""
    own = DeadReckoning()
    field = RangeField(HULL, own, 3.0, 2.0, (0.3, 3.0))
    own.move(1.0, 0.0, 0.0)
    leg, step, last = 0.7, 0.02, 1.0
    for k in range(40):
        stamp_s = 1.0 + 0.1 * k
        own.move(stamp_s, 0.0, -0.03 if k < 20 else 0.0)  # turns away: seven rays farther to the left in 20 sweeps
        bearing = last - 0.001 - own.now.yaw_rad
        ranges = np.full(101, np.inf, dtype=np.float32)
        if bearing <= last:
            ranges[100] = leg
        field.sweep(m.LaserScan(stamp_s, "lidar", -1.0, step, 0.05, 25.0, ranges), Mount())
        near = field.now().near
        x, y = np.concatenate([near.x, near.inside_x]), np.concatenate([near.y, near.inside_y])
        gaps = np.hypot(x - leg * math.cos(bearing), y - leg * math.sin(bearing))
        if k < 20:
            assert gaps.min() < 0.005, "it was where the ray met it"
            assert len(gaps) == (1 if k == 0 else 2)
        elif k > 21:
            assert len(gaps) == 0


# --- backs ---


def test_a_back_lies_behind_seen_from_where_it_was_seen_last() -> None:
    memory, last = OutOfSight(TIME), View(0.3, -0.2, 0.0, HALF)
    stood = rows((1.0, 2.0), (0.7, -2.5))
    now = View(-0.5, 0.1, 0.3, HALF)
    memory.sweep(stood, np.empty((0, 2)), Sight(1.1, ORIGIN, now, STEP), last, ())
    assert len(memory.rows) == 4 and memory.rows[2:].tolist() == stood.tolist()
    eye = np.array([0.3, -0.2])
    for back, front in zip(memory.rows[:2], stood, strict=True):
        away = front[:2] - eye
        assert back[:2] == pytest.approx(front[:2] + 0.04 * away / math.hypot(*away), abs=1e-12) and back[2] == 1.0


def test_what_touches_the_sensor_has_its_back_at_most_twice_as_far() -> None:
    memory = OutOfSight(TIME)
    stood = rows((0.02, 3.0), (0.0, 0.0), (0.08, -3.0))
    memory.sweep(stood, np.empty((0, 2)), Sight(1.1, ORIGIN, View(0.0, 0.0, 0.0, 0.5), STEP), AHEAD, ())
    assert memory.rows[: len(memory.rows) // 2] == pytest.approx(rows((0.04, 3.0), (0.0, 0.0), (0.12, -3.0)))


def test_a_back_has_none_of_its_own_and_is_forgotten_like_its_front() -> None:
    memory = OutOfSight(TIME)
    nothing, free = rows(), np.empty((0, 2))
    memory.sweep(rows((1.0, 2.0)), free, Sight(1.1, ORIGIN, AHEAD, STEP), AHEAD, ())
    for stamp_s, left in ((1.2, 2), (5.999, 2), (6.0, 0)):
        memory.sweep(nothing, free, Sight(stamp_s, ORIGIN, AHEAD, STEP), AHEAD, ())
        assert len(memory.rows) == left
    memory.sweep(rows((1.0, 2.0), stamp_s=6.0), free, Sight(6.1, ORIGIN, AHEAD, STEP), AHEAD, ())
    memory.sweep(nothing, free, Sight(6.2, ORIGIN, View(0.0, 0.0, 2.0, HALF), STEP), AHEAD, ())
    assert len(memory.rows) == 0, "looked at again, and nothing met"


def test_what_was_forgotten_is_gone_and_what_is_new_comes_last() -> None:
    memory, free = OutOfSight(TIME), np.empty((0, 2))
    for k in range(3):
        memory.sweep(rows((1.0 + 0.1 * k, 2.0)), free, Sight(1.1, ORIGIN, AHEAD, STEP), AHEAD, ())
    assert np.hypot(*memory.rows[:, :2].T) == pytest.approx([1.04, 1.0, 1.14, 1.1, 1.24, 1.2])
    memory.forget()
    assert memory.rows.shape == (0, 3)


# --- how far and how long, several sensors, all round ---


def test_it_is_near_the_robot_and_not_the_sensor() -> None:
    aside = View(0.4, 0.0, 0.0, HALF)
    assert fronts((1.499, 3.0), (1.501, 3.0), view=aside) == [0]
    assert fronts((1.499, 3.0), (1.0, 3.0), pose=PlanarPose(0.3, 0.0, 0.0)) == [1]
    assert fronts((1.7, 2.0), pose=PlanarPose(1.7 * math.cos(2.0), 1.7 * math.sin(2.0) - 1.499, 0.0)) == [0]
    assert fronts((1.0, 3.0), stamp_s=5.999) == [0] and fronts((1.0, 3.0), stamp_s=6.0) == []


@pytest.mark.parametrize("around", [0.0, math.tau, -math.tau, 3.0 * math.tau])
def test_the_heading_may_have_turned_round_many_times(around: float) -> None:
    view = View(0.1, -0.1, 3.0 + around, 1.0)
    assert fronts((1.0, 3.0), (1.0, -2.6), (1.0, 0.0), (1.0, 1.5), view=view) == [2, 3]


def test_what_another_sensor_sees_needs_no_remembering_wherever_it_is() -> None:
    left, behind = View(0.0, 0.3, 2.0, 0.5), View(-0.3, 0.0, math.pi, 0.5)
    at = [(1.0, 2.0), (1.0, 3.1), (1.0, -2.2), (1.0, 0.97)]
    assert fronts(*at) == [0, 1, 2, 3]
    assert fronts(*at, others=(left,)) == [1, 2, 3] and fronts(*at, others=(behind,)) == [0, 2, 3]
    assert fronts(*at, others=(left, behind)) == [2, 3]
    assert fronts((1.0, 0.97), others=(View(0.0, 0.0, 1.2, 0.5),)) == [], "the edge of one is within the other"


@pytest.mark.parametrize(("degrees", "kept"), [(349.9, [0]), (350.0, []), (360.0, [])])
def test_who_looks_all_round_remembers_nothing(degrees: float, kept: list[int]) -> None:
    view = View(0.0, 0.0, 0.0, 0.5 * math.radians(degrees))
    assert fronts((1.0, math.pi), view=view, step_rad=0.001) == kept


@pytest.mark.parametrize(("degrees", "kept"), [(349.0, 2), (351.0, 0)])
def test_who_looks_all_round_again_forgets_what_a_narrower_sweep_left(degrees: float, kept: int) -> None:
    """A sweep whose bearings were spoilt on the way must not leave things that nobody ever looks at again."""
    memory = OutOfSight(TIME)
    memory.sweep(rows((1.0, math.pi)), np.empty((0, 2)), Sight(1.1, ORIGIN, AHEAD, STEP), AHEAD, ())
    assert len(memory.rows) == 2
    wide = View(0.0, 0.0, 0.0, 0.5 * math.radians(degrees))
    memory.sweep(np.empty((0, 3)), np.empty((0, 2)), Sight(1.2, ORIGIN, wide, 0.001), wide, ())
    assert len(memory.rows) == kept
