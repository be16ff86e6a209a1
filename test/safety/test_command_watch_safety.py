"""Commands that come too fast, a person's hand on the switch, and a speed that slipping wheels cannot hide."""

from __future__ import annotations

import math

import pytest
from gate_world import Drive, World, odometry
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core import messages as m
from physical_ai_core.robot import MotionLimits
from physical_ai_safety.bounds import upright
from physical_ai_safety.command_watch import FEWEST, NOT_HELD, TOO_MANY, CommandWatch
from physical_ai_safety.core import GateCore
from physical_ai_safety.motion import Motion
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.situation import RobotState
from physical_ai_safety.stability import Firm

RULES = "schema_version: 1\nname: held\nwatchdogs: {deadman_s: 0.3, max_command_hz: 100.0}\n"


def paced(watch: CommandWatch, hz: float, count: int, start_s: float = 0.0) -> str:
    said = [watch.pace("cmd_vel_nav", start_s + k / hz) for k in range(count)]
    return said[-1]


@pytest.mark.parametrize(("hz", "said"), [(50.0, ""), (100.0, ""), (110.0, TOO_MANY), (1000.0, TOO_MANY)])
def test_a_source_may_speak_so_often_and_not_oftener(hz: float, said: str) -> None:
    assert paced(CommandWatch(100.0, 0.0), hz, 100) == said


def test_a_burst_is_no_flood_and_a_flood_ends() -> None:
    watch = CommandWatch(100.0, 0.0)
    assert (
        paced(watch, 1e4, FEWEST) == "" and paced(watch, 1e4, 2, 1.0) == "" and paced(watch, 1e4, 99, 1.0) == TOO_MANY
    )
    assert watch.pace("cmd_vel_teleop", 2.0) == ""  # the other source is not to blame
    assert paced(watch, 50.0, 20, 2.0) == "" and paced(watch, 1e4, 99, 3.0) == TOO_MANY
    watch.forget()
    assert paced(watch, 1e4, 3, 3.0) == ""


def test_the_switch_counts_while_it_is_repeated_and_ends_when_let_go() -> None:
    watch = CommandWatch(100.0, 0.5)
    assert watch.refusal(1.0) == NOT_HELD
    watch.hold(True, 1.0)
    assert watch.refusal(1.5) == "" and watch.refusal(1.51) == NOT_HELD
    watch.hold(True, 2.0)
    watch.hold(False, 2.1)
    assert watch.refusal(2.1) == NOT_HELD
    watch.hold(True, 3.0)
    watch.forget()
    assert watch.refusal(3.0) == NOT_HELD and CommandWatch(100.0, 0.0).refusal(9.0) == ""


@pytest.fixture
def drive(tmp_path: object) -> Drive:
    path = tmp_path / "held.yaml"  # type: ignore[operator]
    path.write_text(RULES)
    return Drive(World(y=14.5), GateCore(GateParameters(rules=str(path))))


def said(drive: Drive) -> tuple[str, str]:
    assert drive.gate.verdict is not None
    notes = drive.gate.verdict.interventions
    return (notes[-1].rule, notes[-1].clause) if notes else ("", "")


def test_a_person_drives_only_while_the_switch_is_held_and_autonomy_does_not_use_the_pause(drive: Drive) -> None:
    held = [True]

    def hand(_: World) -> None:
        if held[0]:
            drive.take(drive.gate.handle("deadman", m.Flag(True), drive.world.t))

    drive.run(1.0, 0.5, each=hand, topic="cmd_vel_teleop")
    assert drive.outs[-1][1] > 0.0
    held[0] = False
    drive.run(0.4, 0.5, each=hand, topic="cmd_vel_teleop")
    assert drive.outs[-1][1] == 0.0 and said(drive) == ("refused_command", f"teleop: {NOT_HELD}")
    drive.run(0.1, 0.0, topic="cmd_vel_teleop")
    assert said(drive)[0] in ("", "hold")  # to ask for rest needs no switch
    drive.run(1.5, 0.5)
    assert drive.outs[-1][1] > 0.0  # nor does autonomy


@pytest.mark.parametrize(("stamp", "why"), [(200.0, "deadman: future"), (math.nan, "deadman: nan")])
def test_a_switch_of_another_time_is_not_held(drive: Drive, stamp: float, why: str) -> None:
    drive.gate.tick(100.0)
    assert drive.gate.handle("deadman", m.Flag(True), stamp) == ()
    assert drive.gate.health().values["last_refusal"] == why


def test_a_source_that_runs_wild_stops_the_robot_by_name_until_it_has_calmed_down(drive: Drive) -> None:
    drive.run(0.8, 0.5)
    assert drive.outs[-1][1] > 0.0

    def wild(world: World) -> None:
        for _ in range(2):
            drive.feed("cmd_vel_nav", m.Twist(world.t, "base_link", 0.5, 0.0))

    drive.run(0.5, 0.5, each=wild)
    assert drive.outs[-1][1] == 0.0 and said(drive) == ("refused_command", f"autonomy: {TOO_MANY}")
    drive.run(1.5, 0.5)
    assert drive.outs[-1][1] > 0.0


def test_a_robot_that_slides_on_standing_wheels_is_not_at_rest(drive: Drive) -> None:
    drive.run(0.3)
    assert drive.gate.hearing.at_rest() is True
    drive.world.state = lambda: odometry(drive.world.t, drive.world.x, drive.world.y, 0.0, 0.4, 0.0)  # type: ignore[method-assign]
    drive.run(0.05)
    assert drive.gate.hearing.at_rest() is False
    assert drive.gate.hearing.motion.perceived_mps(drive.world.t + 1.0) == 0.0  # what is old adds nothing


speeds = st.floats(-3.0, 3.0)


@settings(deadline=None)
@given(speeds, speeds, speeds, st.floats(-1.5, 1.5))
def test_what_perception_adds_to_the_wheels_never_lets_the_robot_go_faster(
    asked: float, wheels: float, perceived: float, turn: float
) -> None:
    firm, limits = Firm(3.0, 2.0, 2.5), MotionLimits(max_lateral_mps2=3.0)
    without = upright(Motion(asked, turn), RobotState(v_mps=wheels), firm, limits, [])
    with_it = upright(Motion(asked, turn), RobotState(v_mps=wheels, perceived_mps=perceived), firm, limits, [])
    assert abs(with_it.v_mps) <= abs(without.v_mps) and abs(with_it.w_rps) <= abs(without.w_rps)
    assert abs(perceived * with_it.w_rps) <= 3.0 + 1e-9


@given(st.lists(st.floats(-0.5, 1.5), min_size=20, max_size=60), st.floats(-9.0, 9.0))
def test_the_pace_is_the_running_mean_of_the_time_between_commands(gaps: list[float], start_s: float) -> None:
    watch, last_s, mean_s = CommandWatch(2.0, 0.0), start_s, 0.5
    assert watch.pace("cmd_vel_nav", start_s) == ""
    for count, gap_s in enumerate(gaps, 1):
        stamp_s = last_s + gap_s
        between_s = min(1.0, max(0.0, stamp_s - last_s))
        mean_s, last_s = mean_s + 0.1 * (between_s - mean_s), stamp_s
        assert watch.pace("cmd_vel_nav", stamp_s) == (TOO_MANY if count >= 20 and mean_s < 0.98 * 0.5 else "")


def test_twenty_intervals_are_looked_at_and_at_the_bound_itself_it_is_no_flood() -> None:
    assert FEWEST == 20 and paced(CommandWatch(100.0, 0.0), 1e4, 20) == ""
    assert paced(CommandWatch(100.0, 0.0), 1e4, 21) == TOO_MANY
    mean_s = 0.5
    for _ in range(19):
        mean_s += 0.1 * (0.4921875 - mean_s)
    gap_s = mean_s + (0.49 - mean_s) / 0.1
    while mean_s + 0.1 * (gap_s - mean_s) < 0.49:
        gap_s = math.nextafter(gap_s, 1.0)
    assert mean_s + 0.1 * (gap_s - mean_s) == 0.98 * 0.5 == 0.49
    for last_s, said in ((gap_s, ""), (gap_s - 1e-9, TOO_MANY)):
        watch = CommandWatch(2.0, 0.0)
        assert [watch.pace("cmd_vel_nav", 0.4921875 * k) for k in range(-19, 1)][-1] == ""
        assert watch.pace("cmd_vel_nav", last_s) == said
