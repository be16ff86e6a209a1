"""The figures follow their definitions, whatever the robot lives through."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_run import GOAL_ID, STOP_FOR_S, events, odometry

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState, PlaceTarget, Step, Task
from physical_ai_core.reports import ControllerStatus, Intervention, PlannerReply, Verdict
from physical_ai_telemetry.kpi import KpiTracker, kpis_of_events


def verdict(t: float, state: str, source: str = "autonomy", *rules: str) -> tuple[str, Verdict, float]:
    return "safety/verdict", Verdict(t, state, source, [1.0, 0.0], [1.0, 0.0], [Intervention(r, r) for r in rules]), t


def moving(t: float, speed: float = 1.0) -> tuple[str, m.Odometry, float]:
    return "state/odometry", odometry(t, (t, 0.0), 0.0, speed, "odom"), t


def goal(goal_id: str, *tasks: Task, t: float = 0.0) -> tuple[str, GoalState, float]:
    target = PlaceTarget(name="x")
    steps = tuple(Step(task=task, target=target if task is Task.NAVIGATE else None) for task in tasks)
    return "goal_state", GoalState(goal_id=goal_id, steps=steps), t


def beat(t: float, name: str, level: int = 0, active: bool = True) -> tuple[str, m.Diagnostics, float]:
    return "heartbeat", m.Diagnostics(t, (m.Status(level, name, "", {"active": str(active).lower()}),)), t


def test_a_drive_with_one_stop_gives_every_figure_of_its_definition() -> None:
    k = kpis_of_events(events())
    assert (k.stops, k.stops_asked_for, k.recoveries, k.unrecovered) == (1, 0, 1, 0)
    assert k.recovery_median_s == pytest.approx(STOP_FOR_S, abs=0.1)
    assert k.stop_rate_per_h == pytest.approx(3600.0 / k.operating_time_s)
    assert k.stop_rate_per_km == pytest.approx(1000.0 / k.distance_m)
    assert (k.missions_begun, k.missions_completed) == (1, 1)
    assert k.overrides_by_rule == {"obstacle": 1, "person": 1}
    assert (k.hard_overrides, k.collisions, k.bumps) == (1, 0, 1)


def test_a_run_without_ground_truth_says_nothing_of_collisions() -> None:
    assert kpis_of_events([moving(1.0), moving(1.1)]).collisions is None


def test_nothing_heard_gives_no_rates_instead_of_zero_or_infinity() -> None:
    k = KpiTracker().kpis()
    assert k.stop_rate_per_h is k.mtbf_h is k.interventions_per_km is k.recovery_median_s is None


def test_an_emergency_stop_by_a_person_is_an_intervention_and_no_stop_of_the_robot() -> None:
    pressed = ("emergency_stop", m.Flag(True), 2.0)
    for order in ([pressed, verdict(2.05, "emergency_stop")], [verdict(1.98, "emergency_stop"), pressed]):
        k = kpis_of_events([verdict(1.0, "clear"), *order])
        assert (k.stops, k.stops_asked_for, k.interventions, k.unrecovered) == (0, 1, 1, 0)


def test_a_stop_that_flickers_is_one_stop_with_one_recovery() -> None:
    run = [verdict(1.0, "clear"), moving(1.0), verdict(2.0, "protective_stop"), verdict(2.3, "clear"), moving(2.35),
           verdict(2.5, "protective_stop"), verdict(6.0, "clear"), moving(6.5)]  # fmt: skip
    k = kpis_of_events(run)
    assert (k.stops, k.recoveries) == (1, 1)
    assert k.recovery_median_s == pytest.approx(4.5)


def test_a_stop_is_not_recovered_by_a_person_who_drives() -> None:
    k = kpis_of_events(
        [verdict(1.0, "clear"), verdict(2.0, "protective_stop"), verdict(3.0, "clear", "teleop"), moving(3.1)]
    )
    assert (k.recoveries, k.unrecovered, k.interventions) == (0, 1, 1)


def test_a_dead_node_is_a_fault_from_its_last_word_until_it_is_back() -> None:
    run = [verdict(0.0, "clear"), goal("g", Task.NAVIGATE)]
    run += [beat(t, "controller") for t in np.arange(0.0, 5.0, 0.2)]
    run += [beat(t, "planner") for t in np.arange(0.0, 20.0, 0.2)]
    run += [beat(t, "controller") for t in np.arange(9.0, 20.0, 0.2)]
    run += [moving(t) for t in np.arange(0.0, 20.0, 0.1)]
    k = kpis_of_events(sorted(run, key=lambda event: event[2]))
    assert (k.faults, k.recoveries) == (1, 1)
    assert k.recovery_median_s == pytest.approx(9.0 - 4.8, abs=0.11)
    assert k.mtbf_h == pytest.approx(k.operating_time_s / 3600.0)


def test_a_restarted_node_counts_even_when_it_is_back_before_its_silence_shows() -> None:
    run = [goal("g", Task.NAVIGATE), beat(1.0, "planner"), beat(1.6, "planner", active=False), beat(2.0, "planner")]
    assert kpis_of_events(run).faults == 1


def test_an_error_before_anything_may_move_is_no_fault() -> None:
    assert kpis_of_events([beat(1.0, "perception", level=2), beat(2.0, "perception")]).faults == 0


def test_missions_count_once_however_often_the_goal_is_said_again() -> None:
    done = ("planner/reply", PlannerReply(1.0, "done", "", "", goal_id="a"), 1.0)
    run = [goal("a", Task.NAVIGATE), goal("a", Task.NAVIGATE), done, goal("b", Task.NAVIGATE), goal("c", Task.STOP)]
    k = kpis_of_events(run)
    assert (k.missions_begun, k.missions_completed, k.interventions) == (2, 1, 1)


def test_arrival_completes_a_goal_of_one_target_only() -> None:
    arrived = ("controller/status", ControllerStatus(1.0, "arrived", "a"), 1.0)
    assert kpis_of_events([goal("a", Task.NAVIGATE, Task.WAIT), arrived]).missions_completed == 1
    assert kpis_of_events([goal("a", Task.NAVIGATE, Task.NAVIGATE), arrived]).missions_completed == 0
    assert kpis_of_events([goal("b", Task.NAVIGATE), arrived]).missions_completed == 0


def test_rules_of_hard_limits_are_malfunctions_and_shaping_rules_are_not() -> None:
    run = [verdict(1.0, "limited", "autonomy", "limit", "acceleration"), verdict(5.0, "limited", "autonomy", "limit")]
    k = kpis_of_events(run)
    assert k.overrides_by_rule == {"acceleration": 1, "limit": 2}
    assert k.hard_overrides == 2


speeds = st.lists(st.floats(0.0, 3.0), min_size=2, max_size=60)


@given(speeds, st.floats(0.01, 0.9))
def test_distance_is_at_most_top_speed_times_operating_time(values: list[float], step_s: float) -> None:
    k = kpis_of_events([moving(10.0 + i * step_s, v) for i, v in enumerate(values)])
    assert k.operating_time_s == pytest.approx((len(values) - 1) * step_s)
    assert 0.0 <= k.distance_m <= max(values) * k.operating_time_s + 1e-9


anything = st.floats(allow_nan=True, allow_infinity=True)
odd = st.one_of(
    st.builds(lambda t, v: ("state/odometry", odometry(t, (v, v), 0.0, v, "odom"), t), anything, anything),
    st.builds(lambda t, s, c: verdict(t, s, c, "limit"), anything,
              st.sampled_from(["clear", "limited", "protective_stop", "emergency_stop", "waiting", "?"]),
              st.sampled_from(["autonomy", "teleop", "none"])),
    st.builds(lambda t, flag: ("emergency_stop", m.Flag(flag), t), anything, st.booleans()),
    st.builds(lambda t, name, level, active: beat(t, name, level, active), anything,
              st.sampled_from(["planner", "controller"]), st.integers(0, 3), st.booleans()),
    st.builds(lambda t, name, task: goal(name, task, t=t), anything, st.sampled_from(["a", "b"]),
              st.sampled_from([Task.NAVIGATE, Task.STOP, Task.CANCEL, Task.WAIT])),
    st.builds(lambda t: ("planner/reply", PlannerReply(t, "done", "", "", goal_id=GOAL_ID), t), anything),
    st.builds(lambda t, text: ("ground_truth/events", m.Text(text), t), anything,
              st.sampled_from(["", "[]", "{}", '{"kind": "collision"}'])),
)  # fmt: skip


@given(st.lists(odd, max_size=80))
def test_no_sequence_of_events_breaks_the_counting(run: list) -> None:
    k = kpis_of_events(run)
    for name, value in k.to_dict().items():
        for number in value.values() if isinstance(value, dict) else [value]:
            assert number is None or (math.isfinite(number) and number >= 0), name
    assert k.missions_completed <= k.missions_begun
    k.to_json()


@given(st.lists(odd, max_size=60), st.integers(0, 60))
def test_counts_never_go_down_but_for_a_stop_found_to_be_asked_for(run: list, cut: int) -> None:
    tracker = KpiTracker()
    for event in run[:cut]:
        tracker.hear(*event)
    before = tracker.kpis()
    for event in run[cut:]:
        tracker.hear(*event)
    after = tracker.kpis()
    for name in ("faults", "hard_overrides", "interventions", "missions_begun", "missions_completed", "distance_m"):
        assert getattr(after, name) >= getattr(before, name)
    assert after.stops + after.stops_asked_for >= before.stops + before.stops_asked_for
