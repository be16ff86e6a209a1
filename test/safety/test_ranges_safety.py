"""Raw sweeps become points around the robot: mounts, carrying, the blind sector, clouds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning
from physical_ai_safety.footprint import Hull
from physical_ai_safety.ranges import RangeField
from physical_ai_safety.walkers import NOBODY

HULL = Hull([(0.25, 0.21), (-0.25, 0.21), (-0.25, -0.21), (0.25, -0.21)], 0.05)


def field_of(own: DeadReckoning | None = None, memory_s: float = 10.0) -> RangeField:
    return RangeField(HULL, own or DeadReckoning(), 3.0, memory_s, (0.3, 3.0))


def sweep(stamp_s: float, hits: dict[float, float], first: float = -2.0, last: float = 2.0) -> m.LaserScan:
    """Rays a hundredth of a radian apart; `hits` bearing -> range, all else free."""
    step = 0.01
    ranges = np.full(round((last - first) / step) + 1, np.inf, dtype=np.float32)
    for bearing, r in hits.items():
        ranges[round((bearing - first) / step)] = r
    return m.LaserScan(stamp_s, "lidar", first, step, 0.05, 25.0, ranges)


def seen(field: RangeField) -> list[tuple[float, float]]:
    near = field.now().near
    return sorted(zip(near.x.round(6).tolist(), near.y.round(6).tolist(), strict=True))


def test_a_return_is_placed_by_bearing_and_mount() -> None:
    field = field_of()
    assert field.sweep(sweep(1.0, {0.5: 1.0}), Mount(xyz_m=(0.2, 0.1, 0.3), rpy_rad=(0.0, 0.0, 0.3))) == ""
    assert seen(field) == [pytest.approx((0.2 + math.cos(0.8), 0.1 + math.sin(0.8)), abs=1e-5)]
    assert field.now().walkers is NOBODY and not field.now().rear_seen


def test_a_lidar_upside_down_sweeps_the_other_way() -> None:
    field = field_of()
    field.sweep(sweep(1.0, {0.5: 1.0}), Mount(xyz_m=(0.2, 0.0, 0.3), rpy_rad=(math.pi, 0.0, 0.0)))
    assert seen(field) == [pytest.approx((0.2 + math.cos(0.5), -math.sin(0.5)), abs=1e-5)]


def test_a_sweep_is_blind_when_less_than_half_of_its_rays_say_anything() -> None:
    half = sweep(1.0, {}, 0.0, 0.09)
    half.ranges_m[:5] = math.nan
    assert field_of().sweep(half, Mount()) == ""
    half.ranges_m[5] = 0.01  # nearer than the sensor can see: covered
    assert field_of().sweep(half, Mount()) == "blinded"
    half.ranges_m[:] = 40.0  # beyond its range: free
    assert field_of().sweep(half, Mount()) == ""
    empty = m.LaserScan(1.0, "lidar", 0.0, 0.01, 0.05, 25.0, np.empty(0, dtype=np.float32))
    assert field_of().sweep(empty, Mount()) == "blinded"


@pytest.mark.parametrize(("width", "whole"), [(math.radians(349.0), False), (math.radians(352.0), True)])
def test_only_a_full_circle_looks_backwards(width: float, whole: bool) -> None:
    field = field_of()
    assert field.sweep(sweep(1.0, {}, -width / 2, width / 2), Mount()) == ""
    assert field.now().rear_seen is whole
    field.forget()
    assert not field.now().rear_seen


def test_far_returns_are_left_out() -> None:
    field = field_of()
    field.sweep(sweep(1.0, {0.0: 2.9, 0.5: 3.1}), Mount())
    assert seen(field) == [(2.9, 0.0)]


def test_a_sweep_is_carried_to_the_present_by_own_motion() -> None:
    own = DeadReckoning()
    field = field_of(own)
    own.move(1.0, 1.0, 0.0)
    field.sweep(sweep(1.0, {0.0: 2.0}), Mount())
    own.move(1.2, 1.0, 0.0)
    assert seen(field) == [pytest.approx((1.8, 0.0), abs=1e-5)]
    own.move(1.3, 0.0, 5.0)
    assert seen(field) == [pytest.approx((1.8 * math.cos(0.5), -1.8 * math.sin(0.5)), abs=1e-5)]


def test_a_late_sweep_is_placed_where_the_robot_was() -> None:
    own = DeadReckoning()
    field = field_of(own)
    for k in range(3):
        own.move(1.0 + 0.2 * k, 1.0, 0.0)
    field.sweep(sweep(1.2, {0.0: 2.0}), Mount())
    assert seen(field) == [pytest.approx((1.8, 0.0), abs=1e-5)]


def passed(memory_s: float = 10.0, full: bool = False, bearing: float = 1.9, r: float = 0.6) -> RangeField:
    """A return at the edge of the view; then the robot has turned, and it lies behind."""
    own = DeadReckoning()
    field = field_of(own, memory_s)
    width = math.pi if full else 2.0
    own.move(1.0, 0.0, 0.0)
    field.sweep(sweep(1.0, {bearing: r}, -width, width), Mount())
    own.move(1.4, 0.0, -2.0)
    field.sweep(sweep(1.4, {}, -width, width), Mount())
    return field


def test_what_passes_into_the_blind_sector_is_remembered_where_it_was() -> None:
    bearing = 1.9 + 0.8
    assert seen(passed()) == [pytest.approx((0.6 * math.cos(bearing), 0.6 * math.sin(bearing)), abs=1e-5)]


def test_what_is_still_in_view_and_gone_too_far_away_or_too_old_is_not_remembered() -> None:
    assert seen(passed(bearing=1.0)) == []
    assert seen(passed(r=1.6)) == [] and len(seen(passed(r=1.4))) == 1
    assert seen(passed(memory_s=0.3)) == [] and len(seen(passed(memory_s=0.5))) == 1
    assert seen(passed(full=True)) == []


def test_before_the_first_sweep_nothing_is_seen_and_least_of_all_behind() -> None:
    field = field_of()
    assert seen(field) == [] and not field.now().rear_seen


def test_what_is_passed_while_driving_is_remembered_by_its_distance_from_the_robot_of_then() -> None:
    own = DeadReckoning()
    field = field_of(own)
    for k in range(21):
        stamp, x = 1.0 + 0.1 * k, 0.1 * k
        own.move(stamp, 1.0, 0.0)
        dx, dy = 1.0 - x, 0.9
        bearing = round(math.atan2(dy, dx), 2)
        visible = {bearing: math.hypot(dx, dy)} if bearing < 2.0 else {}
        field.sweep(sweep(stamp, visible), Mount())
        where = seen(field)
        if math.hypot(dx, dy) < 1.3:
            assert where and all(math.hypot(px - dx, py - dy) < 0.06 for px, py in where)
    assert seen(field) == [pytest.approx((-1.0, 0.9), abs=0.06)]
    for k in range(21, 27):
        own.move(1.0 + 0.1 * k, 1.0, 0.0)
        field.sweep(sweep(1.0 + 0.1 * k, {}), Mount())
    assert seen(field) == []  # 1.8 m away


def test_what_was_forgotten_is_gone() -> None:
    field = passed()
    field.cloud(m.PointCloud(1.4, "lidar", np.array([[1.0, 0.0, 0.5]], np.float32)), Mount())
    field.forget()
    assert seen(field) == []


def test_a_cloud_gives_what_stands_between_ground_and_height_within_reach() -> None:
    field = field_of()
    field.sweep(sweep(1.0, {}), Mount())
    points = [(1.0, 0.0, -0.26), (1.2, 0.0, -0.24), (1.4, 0.0, 1.29), (1.6, 0.0, 1.31), (2.7, 0.0, 0.5),
              (3.2, 0.0, 0.5), (math.nan, 0.0, 0.5), (1.2, 0.01, 0.4)]  # fmt: skip
    field.cloud(m.PointCloud(1.0, "lidar", np.array(points, np.float32)), Mount(xyz_m=(0.1, 0.0, 0.3)))
    assert seen(field) == [(1.3, 0.0), (1.5, 0.0), (2.8, 0.0)]


def test_a_cloud_is_carried_along_and_given_up_when_it_is_old() -> None:
    own = DeadReckoning()
    field = field_of(own)
    own.move(1.0, 1.0, 0.0)
    field.sweep(sweep(1.0, {}), Mount())
    field.cloud(m.PointCloud(1.0, "lidar", np.array([[1.0, 0.5, 0.5]], np.float32)), Mount())
    own.move(1.2, 1.0, 0.0)
    assert seen(field) == [pytest.approx((0.8, 0.5))]
    for stamp, count in ((1.49, 1), (1.5, 0)):
        own.move(stamp, 1.0, 0.0)
        assert len(seen(field)) == count


def test_neighbouring_returns_are_thinned_but_none_that_stands_out_is_lost() -> None:
    field = field_of()
    bearings = np.arange(0, 40) * 0.01
    hits = {float(b): 0.5 for b in bearings}
    hits[0.20] = 0.44
    field.sweep(sweep(1.0, hits), Mount())
    points = np.array(seen(field))
    assert 10 <= len(points) < 30
    ranges = np.hypot(points[:, 0], points[:, 1])
    assert ranges.min() == pytest.approx(0.44, abs=1e-5)
    gaps = np.diff(np.sort(np.arctan2(points[:, 1], points[:, 0])))
    assert gaps.max() < 0.05


def test_who_walks_is_carried_on_at_their_pace_until_the_next_sweep() -> None:
    own = DeadReckoning()
    field = field_of(own)
    for k in range(20):
        stamp, x = 1.0 + 0.05 * k, 2.5 - 0.05 * k
        own.move(stamp, 0.0, 0.0)
        middle = 1.0
        hits = {float(b): x for b in np.arange(middle - 0.06, middle + 0.06, 0.01)}
        field.sweep(sweep(stamp, hits), Mount())
    walkers = field.now().walkers
    assert len(walkers.x) == 1
    speed = math.hypot(walkers.vx[0], walkers.vy[0])
    assert speed == pytest.approx(1.0, abs=0.2)
    assert math.atan2(-walkers.vy[0], -walkers.vx[0]) == pytest.approx(1.0, abs=0.2)
    before = math.hypot(walkers.x[0], walkers.y[0])
    own.move(field.tracker._stamp_s + 0.1, 0.0, 1.0)
    later = field.now().walkers
    assert before - math.hypot(later.x[0], later.y[0]) == pytest.approx(0.1 * speed, abs=0.01)
    assert math.atan2(later.y[0], later.x[0]) == pytest.approx(1.0 - 0.1, abs=0.03)
    assert math.atan2(-later.vy[0], -later.vx[0]) == pytest.approx(
        math.atan2(-walkers.vy[0], -walkers.vx[0]) - 0.1, abs=1e-6
    )


@pytest.mark.parametrize("lost", [math.nan, 0.0])
def test_what_a_lost_ray_would_have_met_stands_until_a_ray_looks_through_or_it_is_too_long_ago(lost: float) -> None:
    own = DeadReckoning()
    own.move(1.0, 0.0, 0.0)
    field = field_of(own)
    field.sweep(sweep(1.0, {0.5: 1.0}), Mount())
    there = seen(field)
    assert len(there) == 1
    for stamp, kept in ((1.1, True), (1.2, True), (1.3, False)):
        assert field.sweep(sweep(stamp, {0.5: lost}), Mount()) == ""
        assert (seen(field) == there) is kept
    field.sweep(sweep(1.4, {0.5: 1.0}), Mount())
    field.sweep(sweep(1.5, {0.5: math.inf}), Mount())
    assert seen(field) == []


def test_what_a_ray_lost_just_before_it_passed_out_of_sight_is_remembered() -> None:
    own = DeadReckoning()
    field = field_of(own)
    for stamp, turn_rps, hits in ((1.0, 0.0, {1.9: 0.6}), (1.05, 0.0, {1.9: math.nan}), (1.1, -4.0, {})):
        own.move(stamp, 0.0, turn_rps)
        field.sweep(sweep(stamp, hits), Mount())
    own.move(4.0, 0.0, 0.0)
    field.sweep(sweep(4.0, {}), Mount())
    assert seen(field) == [pytest.approx((0.6 * math.cos(2.1), 0.6 * math.sin(2.1)), abs=1e-5)]


def test_a_lost_ray_is_that_which_points_there_now() -> None:
    own = DeadReckoning()
    for stamp in (1.0, 1.1):
        own.move(stamp, 0.0, 1.0)
    field = field_of(own)
    field.sweep(sweep(1.0, {0.5: 1.0}), Mount())
    field.sweep(sweep(1.1, {0.5: math.nan}), Mount())  # it has turned by 0.1: another ray looks there, and sees nothing
    assert seen(field) == []
    field.sweep(sweep(1.1 + 1e-6, {0.5: 1.0}), Mount())
    own.move(1.2, 0.0, 1.0)
    flipped = Mount(rpy_rad=(math.pi, 0.0, 0.0))
    field.sweep(sweep(1.2, {-0.4: math.nan}), flipped)  # mounted upside down it is the other way round
    (place,) = seen(field)
    assert math.atan2(place[1], place[0]) == pytest.approx(0.4, abs=0.01)
