"""Latency, energy and the figures of one mission follow their definitions, and are offered to who scrapes them."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_run import GOAL_ID, events, odometry, write_bag
from prometheus_client.parser import text_string_to_metric_families

from physical_ai_core import messages as m
from physical_ai_core.goal import GoalState, PlaceTarget, Step, Task
from physical_ai_core.reports import Verdict
from physical_ai_telemetry.core import TelemetryCore
from physical_ai_telemetry.kpi import KpiTracker, kpis_of_events, mass_of, tracker_of_bag
from physical_ai_telemetry.metrics import MetricsError, MetricsServer
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder_status import RecorderStatus
from physical_ai_telemetry.report import write_report


def scan(t: float) -> tuple[str, m.LaserScan, float]:
    return "scan", m.LaserScan(t, "lidar", 0.0, 0.1, 0.1, 20.0, np.zeros(3, np.float32)), t


def command(t: float) -> tuple[str, m.Twist, float]:
    return "cmd_vel", m.Twist(t, "base_link", 1.0, 0.0), t


def moving(t: float, speed: float = 1.0) -> tuple[str, m.Odometry, float]:
    return "state/odometry", odometry(t, (t, 0.0), 0.0, speed, "odom"), t


def test_latency_is_the_age_of_the_newest_scan_when_a_command_was_said() -> None:
    k = kpis_of_events([moving(1.0), scan(1.0), scan(1.1), command(1.125), command(1.05), command(1.09)])
    assert k.sensor_to_command_p50_s == pytest.approx(0.051)  # upper edge of the bin of 0.05
    assert k.sensor_to_command_p99_s == pytest.approx(0.091)
    assert k.sensor_to_trajectory_p50_s is None


def test_commands_of_a_robot_that_stands_or_that_carry_no_stamp_are_not_counted() -> None:
    assert kpis_of_events([moving(1.0, 0.0), scan(1.0), command(1.01)]).sensor_to_command_p50_s is None
    unstamped = ("cmd_vel", m.Twist(float("nan"), "base_link", 1.0, 0.0), 1.01)
    assert kpis_of_events([moving(1.0), scan(1.0), unstamped]).sensor_to_command_p50_s is None


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 0.9), min_size=1, max_size=50))
def test_the_quantiles_lie_within_a_millisecond_of_the_true_ones(ages: list[float]) -> None:
    run = [moving(0.5)]
    for k, age in enumerate(ages):
        run += [scan(1.0 + 2 * k), command(1.0 + 2 * k + age)]
    k = kpis_of_events(run)
    true = sorted(ages)[int(np.ceil(0.5 * len(ages))) - 1]
    assert k.sensor_to_command_p50_s is not None
    assert -1e-6 <= k.sensor_to_command_p50_s - true <= 0.001 + 1e-6


def test_speeding_up_and_braking_cost_kinetic_energy_and_the_way_its_resistance() -> None:
    steps = [0.0, *np.linspace(0.1, 1.0, 10), *[1.0] * 40, *np.linspace(0.9, 0.0, 10)]
    k = kpis_of_events([moving(1.0 + 0.1 * i, v) for i, v in enumerate(steps)], mass_kg=20.0)
    kinetic, rolling = 2 * 0.5 * 20.0 * 1.0, 0.02 * 9.81 * 20.0 * k.distance_m
    assert k.energy_proxy_kj == pytest.approx((kinetic + rolling) * 1e-3, rel=0.03)
    assert kpis_of_events([moving(1.0)]).energy_proxy_kj is None


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.0, 3.0), min_size=2, max_size=20))
def test_how_often_the_own_state_comes_does_not_change_the_energy_of_a_smooth_drive(speeds: list[float]) -> None:
    knots = np.arange(len(speeds)) * 1.0

    def energy(hz: float) -> float:
        times = np.arange(0.0, knots[-1] + 1e-9, 1.0 / hz)
        run = [moving(10.0 + float(t), float(np.interp(t, knots, speeds))) for t in times]
        return kpis_of_events(run, mass_kg=20.0).energy_proxy_kj or 0.0

    assert energy(100.0) == pytest.approx(energy(10.0), rel=0.1, abs=0.02)


def test_the_battery_tells_what_it_gave_and_charging_gives_nothing_back() -> None:
    charges = [0.9, 0.8, 0.95, 0.85]
    run = [("battery_state", m.Battery(t, "", c, 24.0, -10.0 if c < 0.9 else 5.0), t) for t, c in enumerate(charges)]
    k = kpis_of_events([(a, b, float(c)) for a, b, c in run])
    assert k.battery_used == pytest.approx(0.2)
    assert k.battery_wh == pytest.approx(2 * 240.0 / 3600.0)


def goal(t: float, goal_id: str, task: Task = Task.NAVIGATE) -> tuple[str, GoalState, float]:
    target = PlaceTarget(name="x") if task is Task.NAVIGATE else None
    return "goal_state", GoalState(goal_id=goal_id, steps=(Step(task=task, target=target),)), t


def test_every_mission_has_its_own_figures_and_together_they_are_the_whole() -> None:
    stop = ("safety/verdict", Verdict(6.0, "protective_stop", "autonomy", [1.0, 0.0], [0.0, 0.0]), 6.0)
    clear = ("safety/verdict", Verdict(0.5, "clear", "autonomy", [1.0, 0.0], [1.0, 0.0]), 0.5)
    run = [clear, goal(1.0, "a"), *(moving(1.0 + 0.1 * k) for k in range(30)), goal(4.0, "b"),
           *(moving(4.0 + 0.1 * k) for k in range(20)), stop, goal(8.0, "b2", Task.STOP), goal(9.0, "c")]  # fmt: skip
    tracker = KpiTracker()
    for event in run:
        tracker.hear(*event)
    a, b, c = tracker.missions()
    assert [(x.goal_id, x.outcome) for x in (a, b, c)] == [("a", "replaced"), ("b", "stopped"), ("c", "running")]
    assert (a.stops, b.stops, b.interventions, c.stops) == (0, 1, 1, 0)
    assert a.distance_m + b.distance_m + c.distance_m == pytest.approx(tracker.kpis().distance_m)
    assert (a.duration_s, b.duration_s) == (3.0, 4.0)


def test_a_bag_knows_its_robot_and_so_its_mass(tmp_path: Path) -> None:
    folder, _ = write_bag(tmp_path, events(8.0))
    assert mass_of("scout") == 18.0 and mass_of("nobody") is None
    assert tracker_of_bag(str(folder)).kpis().energy_proxy_kj is not None


def test_the_report_tells_missions_incidents_and_what_people_did(tmp_path: Path) -> None:
    run = [*events(20.0), ("emergency_stop", m.Flag(True), 120.0), ("emergency_stop", m.Flag(False), 121.0)]
    folder, _ = write_bag(tmp_path, run)
    page = write_report(folder, "yard", tmp_path / "out").html.read_text(encoding="utf-8")
    for text in (GOAL_ID, "What people did", "非常停止ボタン", "Incidents", "インシデント", "obstacle", "任務ごと"):
        assert text in page


def test_diagnostics_carry_the_figures_of_the_present_mission() -> None:
    core = TelemetryCore(TelemetryParameters())
    for event in events(3.0):
        core.handle(*event)
    (said,) = core.tick(200.0)
    mission = next(status for status in said.data.statuses if status.name == "telemetry: mission")
    assert mission.message == "running" and mission.values["goal_id"] == GOAL_ID
    assert float(mission.values["distance_m"]) > 0.5


def test_the_figures_are_offered_as_prometheus_text_on_loopback() -> None:
    server = MetricsServer("127.0.0.1", 0, {"robot": "scout"})
    try:
        server.show(kpis_of_events(events()), RecorderStatus("recording", messages=7, dropped=2))
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    finally:
        server.close()
    values = {
        (sample.name, sample.labels.get("rule", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["physical_ai_stops_total", ""] == 1.0
    assert values["physical_ai_messages_dropped_total", ""] == 2.0
    assert values["physical_ai_overrides_total", "obstacle"] == 1.0
    assert ("physical_ai_sensor_to_command_p50_s", "") not in values, "what is not known is no zero"


def test_a_taken_port_is_an_error_that_names_the_mend() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MetricsError, match="metrics_port"):
            MetricsServer("127.0.0.1", taken.getsockname()[1])
