"""Bends, slopes and loads: the robot stays on its wheels, and where braking would not hold it does not go."""

from __future__ import annotations

import math
from functools import cache

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import Decision, decide
from physical_ai_safety.incline import GRAVITY_MPS2
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.stability import FLAT_RAD, RESERVE, STRAIGHT, Stability, firm, steepest_rad
from physical_ai_safety.walkers import NOBODY
from physical_ai_safety.zones import MapPose
from physical_ai_sim.world import build_model

TALL = Stability(0.6, 0.185, 0.2, 2.5)
leans = st.floats(-0.5, 0.5)
heights = st.floats(0.05, 1.5)


@cache
def book(body: Stability | None = None) -> Book:
    rules = compile_rules(load_rules("yard", "yard", "scout"))
    return rules if body is None else rules._replace(body=body)


def out_of(
    v: float, w: float, was: tuple[float, float], body: Stability | None = TALL, stamp: float = 1.02, **state: float
) -> Decision:  # fmt: skip
    nothing = Ranges(sort_points(book().hull, np.empty(0), np.empty(0)), NOBODY, True)
    robot = RobotState(was[0], was[1], MapPose(20.0, 14.5, 0.0, 0.03))._replace(**state)  # type: ignore[arg-type]
    return decide(Command("autonomy", v, w), robot, nothing, book(body), Memory(*was, 1.0), stamp)


# --- the formula ---


def test_on_level_ground_a_bend_is_bounded_by_height_and_track_and_what_braking_needs() -> None:
    found = firm(TALL, 0.0, 0.0, 1.0, True)
    expected = (GRAVITY_MPS2 / RESERVE - 1.0 * 0.6 / 0.2) * 0.185 / 0.6
    assert found == pytest.approx((expected, expected, 1.0))


def test_with_the_left_side_up_a_bend_to_the_left_is_the_worse() -> None:
    found, level = firm(TALL, 0.05, 0.0, 0.5, True), firm(TALL, 0.0, 0.0, 0.5, True)
    assert found.left_mps2 < level.left_mps2 < found.right_mps2
    mirrored = firm(TALL, -0.05, 0.0, 0.5, True)
    assert (mirrored.left_mps2, mirrored.right_mps2) == pytest.approx((found.right_mps2, found.left_mps2))


def test_downhill_braking_is_what_the_slope_leaves_of_the_grip_and_uphill_it_is_the_rules() -> None:
    low = Stability(0.1, 0.185, 0.2, 2.5)
    for pitch, forward in ((0.2, True), (-0.2, False)):
        found = firm(low, 0.0, pitch, 1.5, forward)
        assert found.braking_mps2 == pytest.approx(2.5 - GRAVITY_MPS2 * math.sin(0.2))
        assert firm(low, 0.0, pitch, 1.5, not forward).braking_mps2 == 1.5
    assert firm(low, 0.0, 0.019, 2.5, True).braking_mps2 == 2.5  # the IMU's own doubt is no slope
    assert firm(low, 0.0, 1.5 * FLAT_RAD, 2.5, True).braking_mps2 == pytest.approx(
        2.5 - GRAVITY_MPS2 * math.sin(FLAT_RAD)
    )
    assert firm(low, 0.0, 0.4, 1.5, True).braking_mps2 == 0.0


@pytest.mark.parametrize("forward", [True, False])
def test_who_turns_downhill_brakes_as_it_will_there(forward: bool) -> None:
    """Across a slope that falls to its left: braking is whole until it turns that way, and backwards the other way."""
    low = Stability(0.1, 0.185, 0.2, 2.5)
    across = firm(low, -0.2, 0.0, 1.5, forward).braking_mps2
    down = firm(low, -0.2, 0.0, 1.5, forward, (-2.0, 0.0) if not forward else (0.0, 2.0)).braking_mps2
    up = firm(low, -0.2, 0.0, 1.5, forward, (0.0, 1.0) if not forward else (-1.0, 0.0)).braking_mps2
    assert across == up == 1.5 and down == pytest.approx(2.5 - GRAVITY_MPS2 * math.sin(0.2))


@given(leans, leans, st.booleans(), st.floats(-9.0, 0.0), st.floats(0.0, 9.0), st.floats(0.0, 1.0))
def test_the_steepest_way_down_is_at_least_that_of_every_heading(
    roll: float, pitch: float, forward: bool, right: float, left: float, share: float
) -> None:
    turn = right + share * (left - right)
    down = math.cos(turn) * math.sin(pitch) - math.sin(turn) * math.sin(roll)
    assert math.sin(steepest_rad(roll, pitch, forward, (right, left))) >= (down if forward else -down) - 1e-9


def test_a_tall_robot_brakes_no_harder_than_it_stands() -> None:
    assert firm(Stability(1.0, 0.2, 0.2, 9.0), 0.0, 0.0, 5.0, True).braking_mps2 == pytest.approx(9.81 / 1.5 * 0.2)


@given(
    heights, leans, st.floats(0.0, 0.5), st.floats(0.1, 3.0), st.booleans(), st.floats(0.0, 0.5), st.floats(0.0, 0.3)
)
@settings(deadline=None)
def test_higher_or_steeper_never_leaves_more(
    height: float, roll: float, down: float, braking: float, forward: bool, more: float, lean: float
) -> None:
    way = 1.0 if forward else -1.0
    pitch, steep = way * down, way * (down + lean)
    here = firm(TALL._replace(com_height_m=height), roll, pitch, braking, forward)
    higher = firm(TALL._replace(com_height_m=height + more), roll, pitch, braking, forward)
    assert higher.braking_mps2 <= here.braking_mps2 + 1e-12
    steeper = firm(TALL._replace(com_height_m=height), roll, steep, braking, forward)
    assert steeper.braking_mps2 <= here.braking_mps2 + 1e-12
    level = firm(TALL._replace(com_height_m=height), 0.0, pitch, braking, forward)
    assert min(here.left_mps2, here.right_mps2) <= min(level.left_mps2, level.right_mps2) + 1e-12


@pytest.mark.parametrize("roll", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("pitch", [-0.3, 0.0, 0.3])
@pytest.mark.parametrize("forward", [True, False])
def test_braking_in_a_bend_and_the_slope_share_the_support_of_what_weighs_on_the_ground(
    roll: float, pitch: float, forward: bool
) -> None:
    """As a block on a tilting table: side and length each over its half of the base, together the weight on it."""
    low = Stability(0.2, 0.185, 0.25, 9.0)
    found = firm(low, roll, pitch, 0.5, forward)
    weight = GRAVITY_MPS2 * math.cos(roll) * math.cos(pitch) / RESERVE
    along = 0.5 + GRAVITY_MPS2 * abs(math.sin(pitch))
    for side, lean in ((found.left_mps2, roll), (found.right_mps2, -roll)):
        aside = side + GRAVITY_MPS2 * math.sin(lean)
        assert side > 0.0 and aside / 0.185 + along / 0.25 == pytest.approx(weight / 0.2)


def test_where_braking_needs_all_of_the_support_none_is_left_for_a_bend() -> None:
    found = firm(TALL, 0.0, 0.25, 9.0, True)
    assert (found.left_mps2, found.right_mps2) == (0.0, 0.0)


@pytest.mark.parametrize(("roll", "pitch"), [
    (-1.4, 1.4), (1.4, -1.4), (1.5, 1.5), (3.0, 0.1), (0.0, 0.5 * math.pi), (0.015, -0.5 * math.pi),
    (0.015, 0.5 * math.pi),
])  # fmt: skip
@pytest.mark.parametrize("forward", [True, False])
def test_however_it_lies_there_is_a_steepest_way_and_no_motion_left_on_it(
    roll: float, pitch: float, forward: bool
) -> None:
    """Two angles that an IMU says may be steeper together than any plane is."""
    for turns in (STRAIGHT, (-0.8, 0.8), (-7.0, 7.0)):
        assert -0.5 * math.pi <= steepest_rad(roll, pitch, forward, turns) <= 0.5 * math.pi
        assert firm(TALL, roll, pitch, 1.5, forward, turns).braking_mps2 <= 1.5
    assert steepest_rad(1.4, 1.4, forward, (-7.0, 7.0)) == pytest.approx(0.5 * math.pi)
    assert firm(TALL, 1.4, 1.4, 1.5, forward, (-7.0, 7.0)).braking_mps2 == 0.0


def test_straight_is_no_turn_to_either_side() -> None:
    assert STRAIGHT == (0.0, 0.0)


@pytest.mark.parametrize("lean", [(math.nan, 0.0), (0.0, math.inf)])
def test_a_lean_that_is_no_number_leaves_nothing(lean: tuple[float, float]) -> None:
    assert firm(TALL, *lean, 1.5, True) == (0.0, 0.0, 0.0)
    for v in (0.5, 0.0):
        out = out_of(v, 0.5, (0.5, 0.0), roll_rad=lean[0], pitch_rad=lean[1])
        assert (out.v_mps, out.w_rps) == (0.0, 0.0) and out.verdict.interventions[-1].rule == "stability"


# --- in the gate ---


@pytest.mark.proves("stability")
def test_a_bend_that_would_tip_it_is_driven_slower_on_the_same_arc_and_told() -> None:
    out = out_of(1.2, 1.6, (1.2, 1.6))
    most = (GRAVITY_MPS2 / RESERVE - 1.5 * 0.6 / 0.2) * 0.185 / 0.6
    assert out.w_rps < 1.6 and out.v_mps == pytest.approx(math.sqrt(most * 1.2 / 1.6))
    assert 1.2 * abs(out.w_rps) <= most + 1e-9  # the base is still as fast as it was
    note = out.verdict.interventions[-1]
    assert (note.rule, note.clause, out.verdict.state) == ("stability", "roll-over", "limited")
    assert note.numbers["lateral_mps2"] == pytest.approx(most) and note.numbers["v_mps"] == out.v_mps
    assert "m/s" in out.verdict.en and "転倒" in out.verdict.ja


def test_a_robot_that_is_told_to_turn_while_it_is_still_fast_turns_no_more_than_it_may() -> None:
    out = out_of(0.0, 1.0, (1.5, 0.3))
    most = firm(TALL, 0.0, 0.0, 1.5, True).left_mps2
    assert 1.5 * out.w_rps <= most + 1e-9
    assert out_of(0.0, -1.0, (1.5, -0.3)).w_rps == pytest.approx(-out.w_rps)
    assert out_of(0.0, 1.0, (0.0, 0.9)).verdict.interventions == []


def test_the_scout_itself_is_low_enough_for_all_that_its_limits_allow() -> None:
    out = out_of(1.5, 2.0, (1.5, 2.0), None)
    assert (out.v_mps, out.w_rps) == (1.5, 2.0) and out.verdict.interventions == []


def test_a_lateral_limit_of_the_rules_binds_whatever_the_robot_stands_on() -> None:
    limits = book().limits.model_copy(update={"max_lateral_mps2": 0.75})
    nothing = Ranges(sort_points(book().hull, np.empty(0), np.empty(0)), NOBODY, True)
    robot = RobotState(1.5, 2.0, MapPose(20.0, 14.5, 0.0, 0.03))
    out = decide(
        Command("autonomy", 1.5, 2.0), robot, nothing, book()._replace(limits=limits), Memory(1.5, 2.0, 1.0), 1.02
    )  # fmt: skip
    assert out.v_mps == pytest.approx(0.75) and out.w_rps == pytest.approx(0.5)
    assert out.verdict.interventions[-1].clause == "lateral acceleration"


def test_a_correction_too_small_to_matter_is_made_and_not_told() -> None:
    most = firm(TALL, 0.0, 0.0, 1.5, True).left_mps2
    w = 1.02 * most / 1.2
    out = out_of(1.2, w, (1.2, w))
    assert out.w_rps < w and out.verdict.interventions == []


@pytest.mark.proves("stability")
def test_it_does_not_drive_down_a_slope_on_which_it_could_not_stop_but_up_and_around() -> None:
    down = out_of(0.5, 0.0, (0.0, 0.0), None, pitch_rad=0.3)
    note = down.verdict.interventions[-1]
    assert (note.rule, note.clause, down.v_mps) == ("stability", "braking on the slope", 0.0)
    assert down.verdict.state == "protective_stop"
    assert out_of(-0.2, 0.0, (0.0, 0.0), None, pitch_rad=0.3).v_mps < 0.0
    assert out_of(0.0, 0.5, (0.0, 0.0), None, pitch_rad=0.3).w_rps > 0.0
    assert out_of(0.0, 0.0, (0.5, 0.0), None, pitch_rad=0.3).v_mps == 0.0


def test_which_way_is_down_is_judged_by_the_motion_not_by_the_wish() -> None:
    assert out_of(-0.2, 0.0, (0.5, 0.0), None, pitch_rad=0.3).v_mps == 0.0  # rolls down, wishes to go up
    assert out_of(0.5, 0.0, (-0.2, 0.0), None, pitch_rad=0.3).v_mps <= 0.0


def test_downhill_it_keeps_a_longer_distance() -> None:
    wall = Ranges(sort_points(book().hull, np.array([1.2]), np.array([0.0])), NOBODY, True)
    speeds = []
    for pitch in (-0.15, 0.0, 0.15, 0.2):
        robot = RobotState(0.3, 0.0, MapPose(20.0, 14.5, 0.0, 0.03), pitch_rad=pitch)
        speeds.append(decide(Command("autonomy", 1.5), robot, wall, book(), Memory(1.5, 0.0, 1.0), 1.02).v_mps)
    assert speeds[0] == speeds[1] > speeds[2] > speeds[3] > 0.0


def test_measured_lateness_keeps_a_longer_distance_and_a_short_one_changes_nothing() -> None:
    wall = Ranges(sort_points(book().hull, np.array([1.0]), np.array([0.0])), NOBODY, True)
    speeds = []
    for reaction in (math.nan, 0.0, 0.2, 0.3, 0.5, 9.0, math.inf):
        robot = RobotState(0.3, 0.0, MapPose(20.0, 14.5, 0.0, 0.03), reaction_s=reaction)
        speeds.append(decide(Command("autonomy", 1.5), robot, wall, book(), Memory(1.5, 0.0, 1.0), 1.02).v_mps)
    assert speeds[0] == speeds[1] == speeds[2] > speeds[3] > speeds[4] > speeds[5] == speeds[6] > 0.0


# --- against the physics of the simulator ---


def tips_at(height: float) -> float:
    """Sideways acceleration (m/s²), slowly growing, at which the simulated robot with its mass so high falls over."""
    model = build_model(load_site("yard"), load_robot("scout"), 0)
    model.body_ipos[model.body("base").id, 2] = height
    model.geom_friction[:, 0] = 5.0  # it tips, it does not slide
    data = mujoco.MjData(model)
    data.qpos[:2] = (20.0, 14.5)
    for step in range(8000):
        sideways = 0.001 * step
        model.opt.gravity[1] = -sideways
        mujoco.mj_step(model, data)
        if data.body("base").xmat[8] < math.cos(0.15):
            return sideways
    return math.inf


@pytest.mark.parametrize("height", [0.5, 0.9])
def test_the_closed_form_lies_on_the_safe_side_of_the_simulated_tip_over_and_not_far(height: float) -> None:
    """Without reserve and without braking. Falling takes time, while the push goes on growing by 1 m/s² a second."""
    com = (16.0 * height + 2.0 * 0.098) / 18.0  # body and wheels
    edge = RESERVE * firm(Stability(com, 0.185, 0.2, 9.0), 0.0, 0.0, 0.0, True).left_mps2
    assert edge < tips_at(height) < edge + 1.0
