"""What a course will take is known before it is driven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from planner_driver import scout

from physical_ai_planner.estimate import CourseLimits, estimate

LIMITS = CourseLimits(speed_mps=1.0, acceleration_mps2=0.5, deceleration_mps2=0.5, yaw_rate_rps=1.0)
points = st.lists(st.tuples(st.floats(-50.0, 50.0), st.floats(-50.0, 50.0)), min_size=2, max_size=12)


def test_a_straight_line_is_speeding_up_cruising_and_braking():
    found = estimate([[0.0, 0.0], [10.0, 0.0]], LIMITS)
    assert found.length_m == pytest.approx(10.0)
    assert found.time_s == pytest.approx(2.0 + 2.0 + 8.0)  # 1 m up, 1 m down, 8 m at 1 m/s
    assert found.energy_j == pytest.approx(20 * 9.81 * 0.05 * 10 + 0.5 * 20 * 1.0 + 30 * 12.0)


def test_cutting_a_line_into_pieces_changes_nothing():
    fine = np.column_stack([np.linspace(0.0, 10.0, 101), np.zeros(101)])
    np.testing.assert_allclose(estimate(fine, LIMITS), estimate(fine[[0, -1]], LIMITS), rtol=1e-6)


def test_a_sharp_corner_is_turned_on_the_spot():
    corner = estimate([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]], LIMITS)
    legs = estimate([[0.0, 0.0], [10.0, 0.0]], LIMITS)
    ramp_s = 2.0 / 2.5 * 1.0
    assert corner.time_s == pytest.approx(2.0 * legs.time_s + (np.pi / 2 - 0.4) + ramp_s)


def test_a_circle_is_driven_at_the_speed_its_radius_allows():
    angle = np.linspace(0.0, 2.0 * np.pi, 400)
    circle = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    speed = min(np.sqrt(LIMITS.lateral_mps2 * 0.5), LIMITS.yaw_rate_rps * 0.5)
    assert estimate(circle, LIMITS).time_s == pytest.approx(np.pi / speed, rel=0.2)


def test_headings_at_both_ends_are_turned_to():
    straight = estimate([[0.0, 0.0, 0.0], [5.0, 0.0, np.nan]], LIMITS)
    turned = estimate([[0.0, 0.0, np.pi], [5.0, 0.0, np.pi / 2]], LIMITS)
    assert turned.time_s > straight.time_s + np.pi + np.pi / 2
    assert turned.length_m == straight.length_m


def test_a_slow_zone_costs_the_time_it_takes():
    line = [[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [30.0, 0.0]]
    slow = estimate(line, LIMITS, [1.0, 0.2, 1.0])
    assert slow.time_s > estimate(line, LIMITS).time_s + 10.0 / 0.2 - 10.0 - 1.0


def test_standing_costs_nothing_and_nonsense_is_refused():
    assert estimate(np.zeros((0, 2))) == (0.0, 0.0, 0.0)
    assert estimate([[1.0, 2.0]]) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="finite"):
        estimate([[0.0, 0.0], [np.nan, 1.0]])


@settings(max_examples=60, deadline=None)
@given(points, st.floats(0.1, 2.0))
def test_more_speed_never_takes_longer_and_no_course_beats_its_speed(course, speed):
    assume(estimate(course).length_m > 0.1)
    slow, fast = (estimate(course, CourseLimits(speed_mps=v)) for v in (speed, 1.5 * speed))
    assert np.isfinite(slow).all()
    assert slow.time_s >= fast.time_s - 1e-9
    assert slow.time_s >= slow.length_m / speed - 1e-9
    along = estimate(course, CourseLimits(speed_mps=3.0), speed)
    assert along.time_s == pytest.approx(slow.time_s)


def test_a_robots_own_limits_tighten_the_usual_ones():
    limits = CourseLimits.of(scout(), 5.0)
    assert limits.speed_mps == scout().limits.max_speed_mps and limits.half_track_m == pytest.approx(0.21)
