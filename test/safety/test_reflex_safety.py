"""The reflex: zero before the decision, and never where the decision would let anything pass."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from gate_world import ANGLES, STEP, Drive, World, scan_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.affinity import rotate, translate
from shapely.geometry import LineString, Polygon

from physical_ai_core import messages as m
from physical_ai_core.robot import Mount
from physical_ai_safety.footprint import Braking, Hull, first_contact, sort_points
from physical_ai_safety.motion import REST, Motion
from physical_ai_safety.reflex import LIKE, SPARE_M, Field, Reflex, like

CORNERS = [(0.3, 0.25), (0.3, -0.25), (-0.3, -0.25), (-0.3, 0.25)]
SIDE_M, STOP_M = 0.03, 0.1
HULL, BRAKING = Hull(CORNERS, SIDE_M), Braking(0.2, 1.0, 2.0, STOP_M)
FRONT_M = 0.3 + SIDE_M


def seat(xyz_m: tuple[float, float, float], rpy_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Mount:
    return Mount(xyz_m=xyz_m, rpy_rad=rpy_rad)


AT = seat((0.1, 0.0, 0.3))
STRAIGHT = Motion(0.5, 0.0)
FAR = np.full(len(ANGLES), 9.0)


def ray(bearing_rad: float) -> int:
    return int(np.argmin(np.abs(ANGLES - bearing_rad)))


def one(bearing_rad: float, range_m: float) -> m.LaserScan:
    """A sweep through the open with one return near."""
    ranges = FAR.copy()
    ranges[ray(bearing_rad)] = range_m
    return scan_of(ranges, 1.0)


def reflex(motion: Motion | None = None, mount: Mount = AT, hull: Hull = HULL) -> Reflex:
    """One that knows the sweep; and is prepared for a motion, where one is given."""
    found = Reflex(hull, BRAKING)
    found.learn(scan_of(FAR, 0.0), mount)
    if motion is not None:
        found.prepare(motion)
    return found


def nothing_is_left(scan: m.LaserScan, motion: Motion, mount: Mount = AT) -> bool:
    """What `first_contact` says of all its returns."""
    x, y, yaw = mount.planar()
    keep = scan.valid()
    r, a = scan.ranges_m[keep].astype(float), scan.angles()[keep] + yaw
    return first_contact(HULL, sort_points(HULL, x + r * np.cos(a), y + r * np.sin(a)), *motion, BRAKING).factor <= 0.0


@pytest.mark.parametrize("prepared", [None, STRAIGHT])
@pytest.mark.parametrize(
    ("ahead_m", "trips"), [(-0.005, False), (0.005, True), (STOP_M - SPARE_M - 0.004, True), (STOP_M + 0.004, False)]
)
def test_a_return_within_the_stop_margin_ahead_trips_it_and_none_in_the_side_margin_or_beyond(
    prepared: Motion | None, ahead_m: float, trips: bool
) -> None:
    scan = one(ANGLES[ray(0.0)], FRONT_M + ahead_m - 0.1)
    assert reflex(prepared).trips(scan, STRAIGHT) is trips


@pytest.mark.parametrize("prepared", [None, STRAIGHT, STRAIGHT.scaled(-1.0)])
def test_it_looks_the_way_that_it_goes(prepared: Motion | None) -> None:
    behind = replace(scan_of(FAR, 1.0), angle_min_rad=-math.pi, angle_increment_rad=2.0 * math.pi / len(ANGLES))
    ranges = behind.ranges_m.copy()
    ranges[0] = 0.1 + FRONT_M + 0.05
    found = Reflex(HULL, BRAKING)
    found.learn(behind, AT)
    if prepared is not None:
        found.prepare(prepared)
    met = replace(behind, ranges_m=ranges)
    assert not found.trips(met, STRAIGHT) and found.trips(met, STRAIGHT.scaled(-1.0))


@pytest.mark.parametrize("prepared", [None, STRAIGHT])
def test_a_wall_beside_the_way_is_none_of_its_business(prepared: Motion | None) -> None:
    assert not reflex(prepared).trips(one(0.5 * math.pi, 0.25 + SIDE_M + 0.02), STRAIGHT)


def test_where_some_of_the_motion_is_left_the_decision_says_how_much() -> None:
    """A turn that swings its tail out to what stands beside it, within the stop margin and out of the side margin."""
    bend, beside = Motion(0.3, 1.0), one(-2.0, (0.25 + SIDE_M + 0.02) / math.sin(2.0))
    assert not nothing_is_left(beside, bend)
    assert not reflex().trips(beside, bend) and not reflex(bend).trips(beside, bend)


@pytest.mark.parametrize("prepared", [None, STRAIGHT])
@pytest.mark.parametrize("range_m", [math.nan, math.inf, -1.0, 0.0, 0.04])
def test_what_is_no_return_trips_nothing(prepared: Motion | None, range_m: float) -> None:
    scan = one(0.0, range_m)
    assert scan.range_min_m == 0.05
    assert not reflex(prepared).trips(scan, STRAIGHT)


@pytest.mark.parametrize("prepared", [None, STRAIGHT])
def test_a_sensor_that_cannot_see_so_near_is_not_believed(prepared: Motion | None) -> None:
    blind = replace(scan_of(FAR, 0.0), range_min_m=0.4)
    found = Reflex(HULL, BRAKING)
    found.learn(blind, AT)
    if prepared is not None:
        found.prepare(prepared)
    near = FAR.copy()
    near[ray(0.0)] = FRONT_M + 0.05 - 0.1
    assert not found.trips(replace(blind, ranges_m=near.astype(np.float32)), STRAIGHT)


def test_at_rest_and_of_an_unknown_sweep_it_says_nothing() -> None:
    met = one(0.0, FRONT_M + 0.05 - 0.1)
    assert reflex(STRAIGHT).trips(met, STRAIGHT)
    assert not reflex(STRAIGHT).trips(met, REST)
    assert not Reflex(HULL, BRAKING).trips(met, STRAIGHT)
    for other in (
        replace(met, frame_id="rear"), replace(met, angle_min_rad=met.angle_min_rad + 0.1),
        replace(met, angle_increment_rad=1.1 * STEP), replace(met, ranges_m=met.ranges_m[:-1]),
        replace(met, range_min_m=0.06),
    ):  # fmt: skip
        assert not reflex(STRAIGHT).trips(other, STRAIGHT)


def test_a_sweep_that_changes_is_learnt_anew() -> None:
    found = reflex(STRAIGHT)
    turned = replace(one(0.0, FRONT_M + 0.05 + 0.1), angle_min_rad=ANGLES[0] + math.pi)  # the return is behind now
    inside = replace(one(0.0, FRONT_M + 0.05 - 0.1), angle_min_rad=turned.angle_min_rad)
    found.learn(turned, AT)
    assert not found.trips(inside, STRAIGHT)  # by a field of the old sweep it would
    assert not found.trips(turned, STRAIGHT) and found.trips(turned, STRAIGHT.scaled(-1.0))
    found.prepare(STRAIGHT)
    assert not found.trips(turned, STRAIGHT)


def test_a_sensor_mounted_upside_down_sees_the_other_side_and_one_that_is_tilted_does_not() -> None:
    """A return just beyond the left front corner: only the turn to the left brings the footprint there."""
    x, y = 0.3 + SIDE_M + 0.008, 0.25 + SIDE_M + 0.008
    met = one(math.atan2(y, x - 0.1), math.hypot(x - 0.1, y))
    left, right = Motion(0.5, 0.8), Motion(0.5, -0.8)
    for prepare in (False, True):
        for mount, ways in ((AT, (left, right)), (seat((0.1, 0.0, 0.3), (0.1, 0.0, 0.0)), (left, right)),
                            (seat((0.1, 0.0, 0.3), (math.pi, 0.0, 0.0)), (right, left))):  # fmt: skip
            met_by, free = (reflex(way if prepare else None, mount).trips(met, way) for way in ways)
            assert met_by and not free, (prepare, mount)


@pytest.mark.parametrize("curvature", [0.0, 0.7, -0.7, 2.5, -2.5])
@pytest.mark.parametrize("v_mps", [0.5, -0.5])
def test_the_field_ends_where_the_footprint_is_once_its_farthest_part_has_gone_on_by_the_margin(
    curvature: float, v_mps: float
) -> None:
    """The polygon turned by shapely about the centre of the motion, cut with the rays."""
    hull = Hull([(0.35, 0.25), (0.3, -0.15), (-0.3, -0.2), (-0.25, 0.25)], SIDE_M)
    mount = seat((0.1, -0.05, 0.3), (0.0, 0.0, 0.3))
    motion = Motion(v_mps, curvature * v_mps)
    found = reflex(motion, mount, hull)._fields["lidar"]
    shape, rest = Polygon(hull.corners), math.copysign(1.0, v_mps)
    way_m = STOP_M / (1.0 + abs(curvature) * hull.radius_m) - SPARE_M
    if curvature:
        centre = (0.0, 1.0 / curvature)
        farthest = max(math.dist(corner, centre) for corner in hull.corners)
        angle = rest * math.copysign(way_m / max(farthest, abs(centre[1])), curvature)
        moved = rotate(shape, angle, origin=centre, use_radians=True)
    else:
        moved = translate(shape, rest * way_m)
    for k in range(0, len(ANGLES), 40):
        bearing = ANGLES[k] + 0.3
        beam = LineString([(0.1, -0.05), (0.1 + 3.0 * math.cos(bearing), -0.05 + 3.0 * math.sin(bearing))])
        assert found.inner_m[k] == pytest.approx(shape.intersection(beam).length, abs=1e-5)
        assert found.outer_m[k] == pytest.approx(moved.intersection(beam).length, abs=1e-5)


def test_a_return_at_the_end_of_the_field_trips_it_and_one_at_its_begin_does_not() -> None:
    found, k = reflex(STRAIGHT), ray(0.0)
    field = found._fields["lidar"]
    for range_m, trips in ((field.inner_m[k], False), (field.outer_m[k], True)):
        ranges = FAR.astype(np.float32)
        ranges[k] = range_m
        assert found.trips(scan_of(ranges, 1.0), STRAIGHT) is trips
    assert field.inner_m[k] == pytest.approx(FRONT_M - 0.1, abs=1e-5)
    assert field.outer_m[k] == pytest.approx(FRONT_M + STOP_M - SPARE_M - 0.1, abs=1e-5)


def test_the_least_range_itself_is_a_return() -> None:
    seen = replace(scan_of(FAR, 0.0), range_min_m=float(np.float32(FRONT_M + 0.05 - 0.1)))
    found = Reflex(HULL, BRAKING)
    found.learn(seen, AT)
    ranges = FAR.astype(np.float32)
    ranges[ray(0.0)] = seen.range_min_m
    assert found.trips(replace(seen, ranges_m=ranges), STRAIGHT)


def test_motions_at_the_edge_of_alike() -> None:
    field = Field(True, 0.0, FAR.astype(np.float32), FAR.astype(np.float32))
    assert like(field, Motion(1.0, LIKE)) and not like(field, Motion(1.0, 1.01 * LIKE))
    assert like(field, Motion(2.0, -2.0 * LIKE)) and not like(field, Motion(-1.0, 0.0))
    assert LIKE == 0.05 and not like(field._replace(curvature=math.inf), Motion(0.0, 1.0))


@pytest.mark.parametrize("prepared", [None, STRAIGHT])
def test_a_sensor_outside_the_margins_has_no_reflex(prepared: Motion | None) -> None:
    """Its rays would enter the footprint and leave it again: the decision looks at that."""
    mast = seat((FRONT_M + STOP_M + 0.05, 0.0, 0.3))
    found = reflex(prepared, mast)
    for range_m in (0.06, 0.1, 0.2, 0.4):
        assert not found.trips(one(0.0, range_m), STRAIGHT)
        assert not found.trips(one(math.radians(134.0), range_m), STRAIGHT)


def test_the_field_serves_motions_that_are_alike_and_no_others() -> None:
    """Prepared for a bend; a return that only the straight way meets is found nevertheless when it goes straight."""
    bend = Motion(0.5, 1.0)
    found = reflex(bend)
    kept = found._fields["lidar"]
    found.prepare(Motion(0.8, 0.8 * (2.0 + 0.9 * LIKE)))
    assert found._fields["lidar"] is kept
    found.prepare(REST)
    assert found._fields["lidar"] is kept
    met = one(-math.atan2(0.24, FRONT_M + 0.04 - 0.1), math.hypot(0.24, FRONT_M + 0.04 - 0.1))
    assert not found.trips(met, bend) and found.trips(met, STRAIGHT)
    found.prepare(Motion(0.8, 0.8 * (2.0 + 1.1 * LIKE)))
    assert found._fields["lidar"] is not kept


@pytest.mark.parametrize("prepared", [None, STRAIGHT])
def test_a_sensor_on_the_edge_of_the_footprint_sees_ahead_and_not_itself(prepared: Motion | None) -> None:
    found = reflex(prepared, seat((FRONT_M + 0.01, 0.0, 0.3)))
    assert found.trips(one(0.0, 0.06), STRAIGHT) and not found.trips(one(0.0, 0.12), STRAIGHT)
    assert not found.trips(one(math.radians(130.0), 0.2), STRAIGHT)


sweeps = st.lists(st.tuples(st.floats(-2.3, 2.3), st.floats(0.0, 0.7)), max_size=12)
motions = st.builds(Motion, st.floats(-1.0, 1.5), st.floats(-2.0, 2.0))
places = st.builds(
    lambda x, y, yaw: seat((x, y, 0.3), (0.0, 0.0, yaw)),
    st.floats(-0.5, 0.5), st.floats(-0.3, 0.3), st.floats(-math.pi, math.pi),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(sweeps, motions, st.floats(-1.0, 1.0), st.booleans(), places)
def test_it_says_zero_only_where_nothing_of_the_motion_is_left(
    returns: list[tuple[float, float]], motion: Motion, other: float, near: bool, mount: Mount
) -> None:
    ranges: NDArray[np.float32] = FAR.astype(np.float32)
    for bearing, range_m in returns:
        ranges[ray(bearing)] = range_m
    scan = scan_of(ranges, 1.0)
    prepared = Motion(motion.v_mps, motion.w_rps + other * LIKE * abs(motion.v_mps)) if near else None
    if reflex(prepared, mount).trips(scan, motion):
        assert nothing_is_left(scan, motion, mount)


@settings(max_examples=300, deadline=None)
@given(st.floats(-0.2, 0.2), st.floats(0.001, STOP_M - SPARE_M - 0.02), st.floats(0.2, 1.5), st.floats(-0.3, 0.3))
def test_it_misses_nothing_that_appears_right_ahead(y_m: float, ahead_m: float, v_mps: float, w_rps: float) -> None:
    x, y = FRONT_M + ahead_m - 0.1, y_m
    scan = one(math.atan2(y, x), math.hypot(x, y))
    motion = Motion(v_mps, 0.2 * w_rps * v_mps)
    assert nothing_is_left(scan, motion)
    assert reflex().trips(scan, motion) and reflex(motion).trips(scan, motion)


# --- in the gate ---


@pytest.fixture
def drive() -> Drive:
    """A robot under way at 0.8 m/s in the open yard."""
    drive = Drive(World(y=14.5))
    drive.run(1.0, 0.8)
    assert drive.gate.memory.v_mps == pytest.approx(0.8) and drive.gate.reflexes == 0
    return drive


def board(drive: Drive, ahead_m: float = 0.06) -> m.LaserScan:
    """What the scanner sees when a board stands right before the robot from one moment to the next."""
    drive.world.t += 0.05
    front = max(x for x, _ in drive.gate.robot_body.footprint) + drive.gate.rules.hull.margin_m + ahead_m
    x, y = drive.world.x + front, drive.world.y
    drive.world.walls.append((x, y - 0.2, x, y + 0.2))
    return drive.world.scan()


def test_the_gate_says_zero_at_a_glance_and_the_decision_after_it_says_why(drive: Drive) -> None:
    scan = board(drive)
    (said,) = drive.gate.glance(scan)
    assert said.topic == "cmd_vel" and (said.data.linear_x_mps, said.data.angular_z_rps) == (0.0, 0.0)
    assert said.data.stamp_s == scan.stamp_s and said.data.frame_id == "base_link"
    assert drive.gate.health().values["reflexes"] == "1"
    decided = drive.gate.handle("scan", scan, scan.stamp_s)
    assert decided[0].data.linear_x_mps == 0.0
    assert drive.gate.verdict is not None and drive.gate.verdict.interventions[-1].rule == "obstacle"
    assert not drive.gate.glance(scan)  # it stands by now


def test_a_glance_decides_nothing(drive: Drive) -> None:
    before = drive.gate.memory
    assert drive.gate.glance(board(drive)) and drive.gate.memory is before


def test_a_scan_that_would_be_refused_trips_nothing(drive: Drive) -> None:
    scan = board(drive)
    for stamp_s in (scan.stamp_s - 1.0, scan.stamp_s + 5.0, math.nan):
        assert not drive.gate.glance(replace(scan, stamp_s=stamp_s))
    assert not drive.gate.glance(replace(scan, frame_id="nowhere"))
    assert drive.gate.reflexes == 0 and drive.gate.glance(scan)


def test_free_ways_pass_and_so_does_what_leaves_room_to_slow_down(drive: Drive) -> None:
    drive.world.t += 0.05
    assert not drive.gate.glance(drive.world.scan())
    assert not drive.gate.glance(board(drive, 0.4))


def test_a_fault_inside_is_a_zero_with_its_name(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reflex, "trips", lambda *_: 1 / 0)
    said = drive.gate.glance(board(drive))
    assert said[0].data.linear_x_mps == 0.0 and drive.gate.verdict is not None
    assert "ZeroDivisionError" in drive.gate.verdict.interventions[-1].clause


def test_the_field_is_ready_as_soon_as_the_answer_is_out(drive: Drive) -> None:
    drive.world.t += 0.05
    scan = drive.world.scan()
    drive.gate.handle("scan", scan, scan.stamp_s)
    assert not drive.gate.reflex._fields
    drive.gate.settle()
    field = drive.gate.reflex._fields["lidar"]
    assert field.ahead and field.curvature == pytest.approx(0.0) and bool((field.outer_m > field.inner_m).any())
