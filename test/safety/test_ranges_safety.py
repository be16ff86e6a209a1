"""Raw sweeps become points around the robot: mounts, carrying, the blind sector, clouds."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np
import pytest

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount
from physical_ai_safety.dead_reckoning import DeadReckoning
from physical_ai_safety.footprint import Hull
from physical_ai_safety.ranges import RangeField, merged
from physical_ai_safety.remembered import MOST_REMEMBERED
from physical_ai_safety.walkers import NOBODY, Track

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


def there(bearing: float, *ranges_m: float) -> list[Any]:
    """What is seen where returns of these ranges lie."""
    return [
        pytest.approx(at, abs=1e-5) for at in sorted((r * math.cos(bearing), r * math.sin(bearing)) for r in ranges_m)
    ]


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


def test_what_passes_into_the_blind_sector_is_remembered_where_it_was_and_has_a_back() -> None:
    assert seen(passed()) == there(1.9 + 0.8, 0.6, 0.64)


def test_what_is_still_in_view_and_gone_too_far_away_or_too_old_is_not_remembered() -> None:
    assert seen(passed(bearing=1.0)) == []
    assert seen(passed(r=1.6)) == [] and len(seen(passed(r=1.4))) == 2
    assert seen(passed(memory_s=0.3)) == [] and len(seen(passed(memory_s=0.5))) == 2
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
            assert where and all(math.hypot(px - dx, py - dy) < 0.06 + 0.04 for px, py in where)
            assert min(math.hypot(px - dx, py - dy) for px, py in where) < 0.06
    assert len(seen(field)) >= 2 and min(math.hypot(px + 1.0, py - 0.9) for px, py in seen(field)) < 0.06
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


def kept_of(ranges: list[float], step: float = 0.001) -> list[int]:
    """Which rays' returns are kept."""
    field = field_of()
    field.sweep(m.LaserScan(1.0, "lidar", 0.0, step, 0.05, 25.0, np.array(ranges, np.float32)), Mount())
    near = field.now().near
    x, y = np.concatenate([near.x, near.inside_x]), np.concatenate([near.y, near.inside_y])
    return sorted((np.arctan2(y, x) / step).round().astype(int).tolist())


def test_returns_that_are_kept_lie_a_side_of_the_grid_apart_and_both_ends_of_a_thing_are_kept() -> None:
    """At 1 m a return every millimetre: each fifteenth, and those that begin and end it."""
    free = [math.inf] * 5
    assert kept_of([1.0] * 21) == [0, 14, 20] and kept_of([1.0] * 3) == [0, 2] and kept_of([1.0]) == [0]
    assert kept_of([*free, *[1.0] * 4, *free, *[1.0] * 3, *free]) == [5, 8, 14, 16]
    assert kept_of([1.0] * 4 + [math.inf] + [1.0] * 4) == [0, 3, 5, 8], "also where but one ray met nothing"
    assert kept_of([1.0] * 4 + [1.2] * 4) == [0, 3, 4, 7] and kept_of([1.2] * 4 + [1.0] * 4) == [0, 3, 4, 7]
    assert kept_of([1.0] * 4 + [1.029] * 4) == [0, 7] and kept_of([1.0] * 4 + [1.031] * 4) == [0, 3, 4, 7]
    assert kept_of([1.0] * 4 + [2.9] * 3 + [3.1] * 4) == [0, 3, 4, 6], "before what is too far away to matter"


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
    assert sorted(set(seen(field))) == there(2.1, 0.6, 0.64)


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


# --- against a plain way to do the same, ray by ray ---


def wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % (2.0 * math.pi) - math.pi


Place = tuple[float, float, float]  # x, y in the dead-reckoned frame, and when it was met


def _parts(place: complex) -> tuple[float, float]:
    return place.real, place.imag


class Plain:
    """The same field with one ray at a time; `at` is the robot's place, `turn` its heading."""

    def __init__(self, mount: Mount, upside_down: bool, memory_s: float) -> None:
        self.mount, self.side, self.memory_s = mount, -1.0 if upside_down else 1.0, memory_s
        self.points: list[Place] = []
        self.missed: list[Place] = []
        self.lost: list[Place] = []
        self.edge = [0, 0]  # times that something at the edge was not met again, and was
        self.eye = 0j  # where the last sweep was made

    def sweep(self, scan: m.LaserScan, at: complex, turn: float) -> None:
        n, step = len(scan.ranges_m), scan.angle_increment_rad
        ways = [self.mount.rpy_rad[2] + self.side * (scan.angle_min_rad + step * k) for k in range(n)]
        sensor = complex(*self.mount.xyz_m[:2])
        silent = [not (0.05 <= float(r) <= 25.0 or r > 25.0) for r in scan.ranges_m]
        middle, half = 0.5 * (ways[0] + ways[-1]), 0.5 * n * abs(step)

        def off(place: Place, way: float) -> float:
            """How far from that way of looking it lies, from the sensor."""
            there = (complex(*place[:2]) - at) * cmath.exp(-1j * turn) - sensor
            return abs(wrapped(cmath.phase(there) - way))

        def unanswered(place: Place) -> bool:
            ray = min(range(n), key=lambda k: off(place, ways[k]))
            return off(place, ways[ray]) < 0.5 * abs(step) and silent[ray]

        stood = [*self.missed, *self.points]
        self.missed = [p for p in stood if scan.stamp_s - p[2] < 0.25 and unanswered(p)]
        self.points = []
        for way, r in zip(ways, scan.ranges_m.tolist(), strict=True):
            here = sensor + (r if 0.05 <= r <= 25.0 else math.inf) * cmath.exp(1j * way)
            if abs(here) < 3.0:
                there = at + here * cmath.exp(1j * turn)
                self.points.append((there.real, there.imag, scan.stamp_s))

        def hidden(place: Place) -> bool:
            if scan.stamp_s - place[2] >= self.memory_s or abs(complex(*place[:2]) - at) >= 1.5:
                return False
            eye = at + sensor * cmath.exp(1j * turn)
            inside = half - off(place, middle)  # so far from the edge
            if inside < 0.0 or inside >= abs(step) + 0.015 / abs(complex(*place[:2]) - eye):
                return inside < 0.0
            again = [
                q for q in self.points
                if abs(complex(*q[:2]) - complex(*place[:2])) < 0.03 and half - off(q, middle) <= inside + 1e-6
            ]  # fmt: skip
            self.edge[bool(again)] += 1
            return not again

        self.lost = [p for p in self.lost if hidden(p)]
        gone = [
            p for p in stood
            if hidden(p) and all(abs(complex(*p[:2]) - complex(*q[:2])) >= 0.005 for q in self.lost)
        ]  # fmt: skip
        self.lost += gone
        for x, y, stamp_s in gone:
            ray = complex(x, y) - self.eye
            self.lost.append((*_parts(complex(x, y) + 0.04 * ray / abs(ray)), stamp_s))
        self.eye = at + sensor * cmath.exp(1j * turn)

    def seen(self, at: complex, turn: float) -> list[tuple[float, float]]:
        found = []
        for x, y, _ in (*self.points, *self.missed, *self.lost):
            here = (complex(x, y) - at) * cmath.exp(-1j * turn)
            found.append((here.real, here.imag))
        return sorted(found)


@pytest.mark.parametrize("upside_down", [False, True])
@pytest.mark.parametrize("step", [0.1, -0.1])
@pytest.mark.parametrize("seed", [0, 1])
def test_returns_of_now_of_lost_rays_and_of_the_blind_sector_are_where_a_plain_way_has_them(
    upside_down: bool, step: float, seed: int
) -> None:
    """A robot that drives, turns and stands among near things, a fifth of its rays silent, its sweep to one side."""
    rng = np.random.default_rng(seed)
    mount = Mount(xyz_m=(0.2, -0.1, 0.3), rpy_rad=(math.pi if upside_down else 0.02, 0.0, 0.7))
    own = DeadReckoning()
    field, plain = field_of(own, 0.6), Plain(mount, upside_down, 0.6)
    kinds = {"missed": 0, "lost": 0}
    for k in range(60):
        stamp_s = 1.0 + 0.1 * k
        stands = k % 3 == 2
        own.move(stamp_s, *((0.0, 0.0) if stands else (float(rng.uniform(-1.0, 1.0)), float(rng.uniform(-3.0, 3.0)))))
        at, turn = complex(own.now.x_m, own.now.y_m), own.now.yaw_rad
        if not stands:
            things = rng.uniform(0.3, 3.4, 40)
            things[[0, 1, -2, -1]] *= 0.4
        ranges = (things + rng.normal(0.0, 0.012, 40)).astype(np.float32)
        ranges[rng.random(40) < 0.2] = rng.choice([math.nan, 0.01])
        ranges[rng.random(40) < 0.2] = math.inf
        scan = m.LaserScan(stamp_s, "lidar", -0.4 if step > 0.0 else 1.3, step, 0.05, 25.0, ranges)
        assert field.sweep(scan, mount) == ""
        plain.sweep(scan, at, turn)
        here = plain.seen(at, turn)
        found = merged((field,), HULL, own).near
        places = np.column_stack([
            np.concatenate([found.x, found.inside_x]), np.concatenate([found.y, found.inside_y])
        ])  # fmt: skip
        assert np.array(sorted(places.tolist())) == pytest.approx(np.array(here), abs=1e-6)
        kinds = {"missed": kinds["missed"] + len(plain.missed), "lost": kinds["lost"] + len(plain.lost)}
    assert min(kinds.values()) > 10 and min(plain.edge) > 5


# --- edges ---


def scan_of(stamp_s: float, ranges: list[float], first: float = 0.0, step: float = 0.1) -> m.LaserScan:
    return m.LaserScan(stamp_s, "lidar", first, step, 0.05, 25.0, np.array(ranges, np.float32))


def test_a_view_is_where_the_sensor_looks_and_half_a_ray_to_either_side() -> None:
    own = DeadReckoning()
    own.move(1.0, 0.0, 0.0)
    own.move(1.4, 1.0, 0.5)
    field = field_of(own)
    assert field.view is None and field.sector is None
    for roll, way in ((0.0, 1.0), (math.pi, -1.0)):
        field.sweep(scan_of(1.4, [1.0] * 7, 0.2), Mount(xyz_m=(0.3, 0.1, 0.0), rpy_rad=(roll, 0.0, 0.4)))
        middle = 0.4 + way * 0.5
        assert field.sector == pytest.approx((middle, 0.35))
        at, turn = complex(own.now.x_m, own.now.y_m), own.now.yaw_rad
        sensor = at + complex(0.3, 0.1) * cmath.exp(1j * turn)
        assert field.view == pytest.approx((sensor.real, sensor.imag, turn + middle, 0.35))


@pytest.mark.parametrize(("degrees", "answer"), [(369.9, ""), (370.0, "geometry"), (370.1, "geometry")])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_a_sweep_is_no_wider_than_a_turn_and_some(degrees: float, answer: str, way: float) -> None:
    scan = scan_of(1.0, [1.0, 1.0, 1.0], 0.0, way * math.radians(degrees) / 2.0)
    assert field_of().sweep(scan, Mount()) == answer


def test_at_the_reach_itself_nothing_matters_any_more() -> None:
    field = field_of()
    field.sweep(scan_of(1.0, [3.0, 2.9]), Mount())
    assert len(seen(field)) == 1
    for x, y in ((3.0, 0.0), (2.5, 2.5), (-2.0, 2.9)):
        field.cloud(m.PointCloud(1.0, "lidar", np.array([[x, y, 0.5]], np.float32)), Mount())
        assert len(seen(field)) == 1


def test_a_new_geometry_of_the_sweep_has_directions_of_its_own() -> None:
    field = field_of(memory_s=0.0)
    for first, step in ((0.0, 0.1), (0.5, 0.1), (0.5, 0.2), (0.5, -0.2)):
        field.sweep(scan_of(1.0, [1.0, 1.0], first, step), Mount())
        expected = sorted((round(math.cos(a), 6), round(math.sin(a), 6)) for a in (first, first + step))
        assert seen(field) == expected
    field.sweep(scan_of(1.0, [1.0], 0.5, 0.2), Mount())
    assert len(seen(field)) == 1


def test_what_changes_a_field_is_counted_once() -> None:
    field = field_of()
    assert field.version == 0
    field.sweep(scan_of(1.0, [1.0]), Mount())
    assert field.version == 1
    field.follow()
    field.follow()
    assert field.version == 2
    field.cloud(m.PointCloud(1.0, "lidar", np.array([[1.0, 0.0, 0.5]], np.float32)), Mount())
    assert field.version == 3
    field.forget()
    assert field.version == 4
    assert field.sweep(scan_of(1.0, []), Mount()) == "blinded" and field.version == 4


def test_who_was_not_looked_for_yet_is_looked_for_before_the_next_sweep() -> None:
    field, own = field_of(), DeadReckoning()
    assert not field.follow()
    field.sweep(scan_of(1.0, [1.0]), Mount())
    field.sweep(scan_of(1.1, [1.0]), Mount())
    assert field.version == 3 and field.follow() and not field.follow()
    nothing = merged((), HULL, own)
    assert nothing.walkers is NOBODY and len(nothing.near.x) == len(nothing.near.inside_x) == 0


def test_after_a_jump_of_the_clock_a_field_begins_anew() -> None:
    field = passed()
    field.tracker.tracks.append(Track(1.0, 0.0, 0.2, 1.4))
    field.forget()
    assert field.view is None and field.sector is None and field.tracker.tracks == []
    assert field.now().walkers is NOBODY
    field.cloud(m.PointCloud(1.4, "lidar", np.array([[1.0, 0.0, 0.5]], np.float32)), Mount())
    assert len(seen(field)) == 1
    field.sweep(scan_of(1.5, [2.0], 0.0), Mount())
    assert len(seen(field)) == 2


def test_before_the_first_sweep_nobody_walks() -> None:
    assert field_of().now().walkers is NOBODY


# --- out of sight ---


def hidden_after(
    first: list[float], wide: m.LaserScan | None = None, memory_s: float = 10.0, stamp_s: float = 1.5
) -> int:  # fmt: skip
    """How many returns to the left are remembered by a sweep that looks ahead."""
    field = field_of(memory_s=memory_s)
    ahead = scan_of(stamp_s, [math.inf] * 11, -0.5)
    field.sweep(scan_of(1.0, first, math.pi / 2.0), Mount())
    field.sweep(wide or ahead, Mount())
    return len(seen(field))


def test_what_is_out_of_sight_is_remembered_for_its_time_and_this_near() -> None:
    assert hidden_after([1.0]) == 2, "its front and its back"
    assert hidden_after([1.0], memory_s=0.5) == 0 and hidden_after([1.0], memory_s=0.501) == 2
    assert hidden_after([1.5]) == 0 and hidden_after([1.499]) == 2


def test_no_more_is_remembered_than_the_newest_of_so_many_and_no_back_outlasts_its_front() -> None:
    field = field_of()
    field.sweep(scan_of(1.0, [1.0] * 300, 0.7, 0.016), Mount())
    assert len(seen(field)) == 300
    field.sweep(scan_of(1.1, [math.inf] * 11, -0.5), Mount())
    places = seen(field)
    assert len(places) == MOST_REMEMBERED == 512
    fronts, backs = [[math.atan2(y, x) % (2.0 * math.pi) for x, y in places if round(math.hypot(x, y), 4) == r]
                     for r in (1.0, 1.04)]  # fmt: skip
    assert len(fronts) == 300 and len(backs) == 212
    assert min(backs) == pytest.approx(0.7 + 0.016 * 88, abs=1e-5)  # the first were met first


@pytest.mark.parametrize(("degrees", "kept"), [(349.9, 2), (350.0, 0), (352.0, 0)])
def test_a_full_circle_leaves_nothing_to_remember(degrees: float, kept: int) -> None:
    """The gap behind is wide enough for the return that stood there."""
    field = field_of()
    field.sweep(scan_of(1.0, [1.0], math.pi), Mount())
    step = math.radians(degrees) / 512
    field.sweep(scan_of(1.1, [math.inf] * 512, -255.5 * step, step), Mount())
    assert len(seen(field)) == kept


def test_what_another_sensor_sees_needs_not_be_remembered() -> None:
    field, other = field_of(), field_of()
    field.sweep(scan_of(1.0, [1.0, math.inf, 1.0], 1.5), Mount())
    other.sweep(scan_of(1.0, [math.inf] * 3, 1.4, 0.05), Mount())
    field.sweep(scan_of(1.1, [math.inf], 0.0), Mount(), (other, field_of()))
    assert seen(field) == there(1.7, 1.0, 1.04)


@pytest.mark.parametrize("ray", [0, 1, 5, 9])
def test_the_first_and_the_last_ray_are_rays(ray: int) -> None:
    """A silent ray keeps what stood there a moment ago; beyond the last one nobody looks."""
    for late, kept in ((0.249, 1), (0.25, 0)):
        field = field_of(memory_s=0.0)
        hits = [1.0 if k == ray else math.inf for k in range(10)]
        field.sweep(scan_of(0.0, hits, -0.3), Mount())
        hits[ray] = math.nan
        field.sweep(scan_of(late, hits, -0.3), Mount())
        assert len(seen(field)) == kept
    field.sweep(scan_of(0.3, [1.0], 0.71), Mount())
    field.sweep(scan_of(0.31, [math.nan, *[1.0] * 9], -0.3), Mount())
    assert len(seen(field)) == 9


# --- all round ---


def looking(*sectors: tuple[float, float]) -> bool:
    """Whether sensors with these middles and widths (degrees) look all round together."""
    own, fields = DeadReckoning(), []
    for middle, width in sectors:
        fields.append(field_of(own))
        cloud = m.PointCloud(1.0, "lidar", np.empty((0, 3), np.float32))
        fields[-1].cloud(cloud, Mount(rpy_rad=(0.0, 0.0, math.radians(middle))), math.radians(width))
    return merged(fields, HULL, own).rear_seen


def test_one_sensor_looks_all_round_with_a_full_circle_and_two_with_a_half_each() -> None:
    assert looking((0.0, 350.0)) and looking((70.0, 350.0)) and not looking((0.0, 349.9))
    assert looking((0.0, 180.0), (180.0, 180.0)) and not looking((0.0, 180.0), (180.0, 160.0))
    assert not looking() and not looking((0.0, 180.0)) and not looking((0.0, 180.0), (0.0, 180.0))
    assert looking((0.0, 120.0), (120.0, 121.0), (-120.0, 121.0)) and looking((180.0, 350.0), (0.0, 10.0))
    field = field_of()
    field.cloud(m.PointCloud(1.0, "lidar", np.empty((0, 3), np.float32)), Mount())
    assert field.sector is None  # nothing is said of its width


@pytest.mark.parametrize("gap", range(0, 360, 10))
def test_a_gap_is_found_in_each_of_the_directions_that_are_looked_at(gap: int) -> None:
    assert not looking((gap + 90.25, 179.5), (gap - 90.25, 179.5))
    assert looking((gap + 90.25, 181.0), (gap - 90.25, 181.0))


# --- clouds ---


def test_a_cloud_keeps_its_place_up_to_the_very_reach_in_every_direction() -> None:
    field = field_of()
    angles = np.linspace(0.0, 2.0 * math.pi, 97)[:-1]
    points = np.column_stack([2.99 * np.cos(angles), 2.99 * np.sin(angles), np.full(96, 0.5)])
    field.cloud(m.PointCloud(1.0, "lidar", points.astype(np.float32)), Mount())
    cells = {(round(x / 0.05), round(y / 0.05)) for x, y, _ in points}
    assert {(round(x / 0.05), round(y / 0.05)) for x, y in seen(field)} == cells and len(seen(field)) == len(cells)


def test_what_lies_at_the_very_bounds_of_height_is_not_hit() -> None:
    for low, count in ((0.05, 0), (0.0501, 1), (1.6, 0), (1.5999, 1)):
        field = field_of()
        field.cloud(m.PointCloud(1.0, "lidar", np.array([[1.0, 0.0, low]], np.float32)), Mount())
        assert len(seen(field)) == count
