"""Ages of inputs, own motion between them, and the place in the map: numbers that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gate_world import odometry

from physical_ai_core import messages as m
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_safety.dead_reckoning import DeadReckoning, PlanarPose
from physical_ai_safety.inputs import LONGEST_AGE_S, Age, Inputs
from physical_ai_safety.place import Place, tilt_of


def inputs(steady_s: float = 1.0) -> Inputs:
    return Inputs({"scan": 0.25, "imu/data": 0.5}, 0.2, steady_s)


def test_a_stamp_is_refused_when_it_is_no_number_too_far_ahead_or_older_than_the_last() -> None:
    heard = inputs()
    assert heard.check("scan", math.nan, 1.0) == "nan" and heard.check("scan", math.inf, 1.0) == "nan"
    assert heard.check("scan", 1.21, 1.0) == "future" and heard.check("scan", 1.2, 1.0) == ""
    assert heard.check("scan", -5.0, 1.0) == ""
    heard.note("scan", 1.0)
    assert heard.check("scan", 0.999, 1.0) == "order" and heard.check("scan", 1.0, 1.0) == ""
    assert heard.check("imu/data", 0.5, 1.0) == ""


def test_an_input_is_stale_beyond_its_limit_and_not_at_it() -> None:
    heard = inputs()
    assert heard.never(("scan", "imu/data")) == ("scan", "imu/data") and not heard.fresh("scan", 0.0)
    assert heard.stale(("scan",), 0.0) == (Age("scan", LONGEST_AGE_S),)
    heard.note("scan", 1.0)
    assert heard.never(("scan", "imu/data")) == ("imu/data",)
    assert heard.stale(("scan",), 1.25) == () and heard.fresh("scan", 1.25)
    assert heard.stale(("scan",), 1.5) == (Age("scan", 0.5),) and not heard.fresh("scan", 1.5)
    assert heard.stale(("scan",), 0.9) == ()  # a stamp a little ahead counts as now
    assert heard.stale(("scan",), 1e6) == (Age("scan", LONGEST_AGE_S),) and LONGEST_AGE_S == 999.0
    heard.forget()
    assert heard.never(("scan",)) == ("scan",)


def test_by_the_steady_clock_an_input_is_silent_after_its_time_however_young_its_stamp() -> None:
    heard = inputs()
    heard.watch(9.0)
    heard.note("scan", 1.0)
    assert heard.stale(("scan",), 1.0) == ()  # not looked at yet
    heard.watch(10.0)
    heard.watch(11.0)
    assert heard.stale(("scan",), 1.0) == ()
    heard.watch(11.5)
    assert heard.stale(("scan",), 1.0) == (Age("scan", 1.5),)
    heard.note("scan", 1.0)
    heard.watch(11.6)
    assert heard.stale(("scan",), 1.0) == ()
    heard.forget()
    heard.note("scan", 1.0)
    assert heard.stale(("scan",), 1.0) == ()


def test_without_a_time_for_the_steady_clock_only_stamps_count() -> None:
    heard = inputs(steady_s=0.0)
    heard.note("scan", 1.0)
    heard.watch(10.0)
    heard.watch(100.0)
    assert heard.stale(("scan",), 1.0) == ()


def test_own_motion_follows_the_arc_between_wheel_messages() -> None:
    own = DeadReckoning()
    assert (own.v_mps, own.w_rps) == (0.0, 0.0), "it stands until its wheels say otherwise"
    assert own.now == own.at(5.0) == PlanarPose(0.0, 0.0, 0.0) and own.stamp_s == -math.inf
    own.move(1.0, 1.0, 0.0)
    own.move(1.2, 1.0, 2.0)
    assert own.stamp_s == 1.2 and (own.v_mps, own.w_rps) == (1.0, 2.0)
    assert own.now == pytest.approx((0.2 * math.cos(0.2), 0.2 * math.sin(0.2), 0.4))
    assert own.at(1.1) == pytest.approx([0.5 * value for value in own.now])
    assert own.at(0.5) == PlanarPose(0.0, 0.0, 0.0)
    x, y, yaw = own.now
    assert own.at(1.3) == pytest.approx((x + 0.1 * math.cos(0.5), y + 0.1 * math.sin(0.5), yaw + 0.2))
    assert own.at(9.0) == pytest.approx(own.at(1.7))  # not further than the longest gap


def test_between_any_two_wheel_messages_own_motion_goes_evenly_from_the_one_to_the_other() -> None:
    own = DeadReckoning()
    for k in range(4):
        own.move(1.0 + 0.2 * k, 1.0, 0.5)
    assert own.stamp_s == pytest.approx(1.6)
    for share in (0.0, 0.25, 1.0):
        start, end = own.at(1.4), own.at(1.6)
        between = [a + share * (b - a) for a, b in zip(start, end, strict=True)]
        assert own.at(1.4 + 0.2 * share) == pytest.approx(between)
    assert own.at(1.4).x_m > 0.35 and own.at(1.4).yaw_rad == pytest.approx(0.2)


def test_an_old_wheel_message_changes_nothing_and_a_long_silence_is_not_bridged() -> None:
    own = DeadReckoning()
    own.move(1.0, 1.0, 0.0)
    own.move(1.5, 1.0, 0.0)
    for stamp in (1.5, 1.2):
        own.move(stamp, 9.0, 9.0)
    assert own.now == pytest.approx((0.5, 0.0, 0.0)) and own.v_mps == 1.0
    own.move(2.1, 2.0, 0.0)
    assert own.now == pytest.approx((0.5, 0.0, 0.0)) and own.v_mps == 2.0
    own.forget()
    assert own.now == PlanarPose(0.0, 0.0, 0.0) and own.stamp_s == -math.inf


def test_two_seconds_of_own_motion_are_kept() -> None:
    own = DeadReckoning()
    for k in range(41):
        own.move(0.1 * k, 1.0, 0.0)
    assert own.at(2.5).x_m == pytest.approx(2.5)
    assert own.at(0.0).x_m == pytest.approx(2.0)


def link(x: float, y: float, yaw: float, cov: np.ndarray) -> m.Pose:
    whole = np.zeros((6, 6))
    whole[:2, :2] = cov
    return m.Pose(1.0, "map", np.array([x, y, 0.0]), quaternion_of_yaw(yaw), whole)


def test_the_place_is_the_odometry_turned_and_moved_by_the_link() -> None:
    place = Place(0.03, 0.7)
    assert place.map_to_odom(link(10.0, 20.0, 0.5, np.diag([0.04, 0.01]))) and place.pose is None
    assert place.fault == "never located"
    assert place.odometry(odometry(1.0, 3.0, 1.0, 0.2, 0.0, 0.0))
    c, s = math.cos(0.5), math.sin(0.5)
    assert place.pose == pytest.approx((10.0 + 3.0 * c - s, 20.0 + 3.0 * s + c, 0.7, 0.2)) and place.fault == ""


@pytest.mark.parametrize(
    ("cov", "sigma"),
    [
        ([[0.0, 0.0], [0.0, 0.0]], 0.03),
        ([[-1.0, 0.0], [0.0, -1.0]], 0.03),
        ([[0.01, 0.0], [0.0, 0.09]], 0.3),
        ([[0.05, 0.04], [0.04, 0.05]], 0.3),
        ([[0.06, 0.03], [0.03, 0.02]], math.sqrt(0.04 + math.hypot(0.02, 0.03))),
    ],
)
def test_the_doubt_is_the_longest_axis_and_never_below_its_floor(cov: list[list[float]], sigma: float) -> None:
    place = Place(0.03, 0.7)
    place.odometry(odometry(1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    place.map_to_odom(link(0.0, 0.0, 0.0, np.array(cov)))
    assert place.pose is not None and place.pose.sigma_m == pytest.approx(sigma)


def test_beyond_the_largest_doubt_the_place_is_lost_and_at_it_it_is_not() -> None:
    place = Place(0.03, 0.5)
    place.odometry(odometry(1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    place.map_to_odom(link(0.0, 0.0, 0.0, np.diag([0.25, 0.0])))
    assert place.pose is not None
    place.map_to_odom(link(0.0, 0.0, 0.0, np.diag([0.36, 0.0])))
    assert place.pose is None and place.fault == "standard deviation 0.60 m"
    place.forget()
    assert place.fault == "never located"
    place.map_to_odom(link(0.0, 0.0, 0.0, np.zeros((2, 2))))
    assert place.pose is None  # the odometry was forgotten too


@pytest.mark.parametrize("entry", [(0, 0), (0, 1), (1, 1)])
def test_a_link_with_a_covariance_that_is_no_number_is_refused(entry: tuple[int, int]) -> None:
    cov = np.zeros((2, 2))
    cov[entry] = math.nan
    assert not Place(0.03, 0.7).map_to_odom(link(0.0, 0.0, 0.0, cov))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", range(3))
def test_a_pose_with_one_number_that_is_none_is_refused(bad: float, which: int) -> None:
    x, y, yaw = (bad if k == which else 1.0 for k in range(3))
    place = Place(0.03, 0.7)
    with np.errstate(invalid="ignore"):
        assert not place.odometry(odometry(1.0, x, y, yaw, 0.0, 0.0))
        assert not place.map_to_odom(link(x, y, yaw, np.zeros((2, 2))))
    assert place.map_to_odom(link(0.0, 0.0, 0.0, np.zeros((2, 2)))) and place.pose is None


@pytest.mark.parametrize(("length", "known"), [(1.0, True), (0.999, False)])
def test_an_orientation_of_less_than_half_of_its_square_is_none(length: float, known: bool) -> None:
    """Half a turn about the line between x and y: upside down."""
    q = length * np.array([0.5, 0.5, 0.0, 0.0])
    tilt = tilt_of(m.Imu(1.0, "imu", np.zeros(3), np.zeros(3), q), (0.0, 0.0, 1.0))
    assert tilt == (pytest.approx(math.pi) if known else None)


@pytest.mark.parametrize("upside_down", [False, True])
def test_however_the_sensor_is_mounted_rounding_leaves_a_level_robot_level(upside_down: bool) -> None:
    for angle in np.arange(-3.1, 3.1, 0.02):
        q = np.array([0.0, math.sin(-angle / 2), 0.0, math.cos(-angle / 2)])
        sign = -1.0 if upside_down else 1.0
        vertical = (sign * math.sin(angle), 0.0, sign * math.cos(angle))
        tilt = tilt_of(m.Imu(1.0, "imu", np.zeros(3), np.zeros(3), q), vertical)
        assert tilt == pytest.approx(math.pi if upside_down else 0.0, abs=1e-6)


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.6, 0.8, 0.0)])
@pytest.mark.parametrize("angle", [0.0, 0.3, -0.4, 3.0])
def test_the_tilt_is_the_angle_to_the_vertical_whichever_way(axis: tuple[float, float, float], angle: float) -> None:
    q = np.array([*(math.sin(angle / 2) * a for a in axis), math.cos(angle / 2)])
    level, aside = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)

    def imu(orientation: np.ndarray | None) -> m.Imu:
        return m.Imu(1.0, "imu", np.zeros(3), np.zeros(3), orientation)

    assert tilt_of(imu(q), level) == pytest.approx(abs(angle))
    assert tilt_of(imu(1.5 * q), level) == pytest.approx(abs(angle))
    x, y, z, w = q
    assert tilt_of(imu(q), aside) == pytest.approx(math.acos(2.0 * (x * z - w * y)))
    assert tilt_of(imu(q), (0.0, 1.0, 0.0)) == pytest.approx(math.acos(2.0 * (y * z + w * x)))
    for nothing in (None, 0.5 * q, np.full(4, math.nan)):
        assert tilt_of(imu(nothing), level) is None


def test_turning_about_the_vertical_is_no_tilt() -> None:
    q = quaternion_of_yaw(2.0)
    assert tilt_of(m.Imu(1.0, "imu", np.zeros(3), np.zeros(3), q), (0.0, 0.0, 1.0)) == pytest.approx(0.0, abs=1e-6)


def paced(intervals: list[float], least_hz: float) -> tuple[tuple[str, float], ...]:
    heard, t = Inputs({"scan": 9.0}, 0.2, 1.0, {"scan": least_hz}), 3.0
    heard.note("scan", t)
    for interval in intervals:
        t += interval
        heard.note("scan", t)
    return heard.slow(("scan",))


def test_a_rate_is_judged_after_five_intervals_and_told_in_messages_a_second() -> None:
    assert paced([0.5] * 4, 4.0) == ()
    ((name, rate),) = paced([0.5] * 5, 4.0)
    assert name == "scan" and rate == pytest.approx(2.0)
    assert paced([0.5] * 9, 1.9) == () and paced([0.5] * 9, 2.1) != () and paced([0.5] * 9, 0.0) == ()
    assert paced([0.0] * 9, 4.0) == (), "all at once is no rate"


def test_the_mean_interval_gives_a_fifth_to_the_newest() -> None:
    ((_, rate),) = paced([0.2] * 5 + [1.2], 4.0)
    assert 1.0 / rate == pytest.approx(0.2 + 0.2 * 1.0)


def test_what_was_heard_before_the_clock_jumped_counts_in_no_rate() -> None:
    heard = Inputs({"scan": 9.0}, 0.2, 1.0, {"scan": 4.0})
    for k in range(9):
        heard.note("scan", 0.5 * k)
    heard.forget()
    for k in range(5):
        heard.note("scan", 0.1 * k)
    assert heard.slow(("scan",)) == (), "four intervals: not judged yet"
    heard.note("scan", 0.5)
    assert heard.slow(("scan",)) == (), "ten a second"


def test_an_input_that_is_added_has_the_least_rate_of_its_topic_and_one_without_has_none() -> None:
    heard = Inputs({}, 0.2, 1.0, {"scan": 4.0})
    heard.add("scan of lidar_2", "scan", 9.0)
    heard.add("points of camera", "points", 9.0)
    for k in range(9):
        heard.note("scan of lidar_2", 2.0 * k)
        heard.note("points of camera", 2.0 * k)
    assert [name for name, _ in heard.slow(("scan of lidar_2", "points of camera"))] == ["scan of lidar_2"]


def test_a_steady_silence_counts_from_a_message_and_not_from_a_look_before_it() -> None:
    heard = inputs()
    heard.watch(9.0)
    heard.watch(20.0)
    heard.note("scan", 1.0)
    assert heard.fresh("scan", 1.0), "eleven seconds without it, but it was never heard before"
    heard.forget()
    heard.watch(30.0)
    heard.watch(40.0)
    heard.note("scan", 1.0)
    assert heard.fresh("scan", 1.0)


def test_at_its_least_rate_an_input_is_not_slow_and_without_one_it_never_is() -> None:
    assert paced([0.25] * 9, 4.0) == () and paced([0.25] * 9, 4.0001) != ()
    heard = Inputs({"scan": 9.0}, 0.2, 1.0)
    for k in range(9):
        heard.note("scan", 3.0 * k)
    assert heard.slow(("scan",)) == ()


def test_the_mean_interval_is_the_first_one_before_there_are_others() -> None:
    ((_, rate),) = paced([0.3] + [0.7] * 4, 4.0)
    mean = 0.3
    for _ in range(4):
        mean += 0.2 * (0.7 - mean)
    assert rate == pytest.approx(1.0 / mean)
