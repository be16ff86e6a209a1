"""The runner drives cores in stamp order, at their rates, the same way every time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import Toy, ToySimulator, odometry

from physical_ai_bench.runner import LONGEST_GAP_S, Runner, in_stamp_order
from physical_ai_bench.wire import Fault, FaultKind, FaultyWire, poisoned
from physical_ai_core import graph, layouts
from physical_ai_core import messages as m
from physical_ai_core.core import Output
from physical_ai_core.errors import InputError
from physical_ai_telemetry.bag import Event

T0 = 50.0


def said(topic: str, stamp_s: float) -> Event:
    return Event(topic, odometry(stamp_s), stamp_s)


def ticks(log: list, name: str) -> list[float]:
    return [entry[3] for entry in log if entry[:2] == (name, "tick")]


def test_each_core_ticks_at_the_rate_of_the_node_table() -> None:
    log: list = []
    runner = Runner({"perception": Toy("perception", log), "planner": Toy("planner", log)})
    runner.run([said("wheel/odometry", T0 + 0.02 * k) for k in range(101)])
    for name in ("perception", "planner"):
        times = ticks(log, name)
        assert times == [T0 + k / graph.NODE[name].rate_hz for k in range(len(times))]
        assert len(times) == pytest.approx(2.0 * graph.NODE[name].rate_hz, abs=1)


def test_messages_of_a_stamp_come_before_ticks_of_that_stamp_and_nodes_follow_their_order_of_activation() -> None:
    log: list = []
    cores = {name: Toy(name, log) for name in ("planner", "world_model", "perception")}
    runner = Runner(cores)
    runner.run([said("state/odometry", T0), said("state/odometry", T0 + 0.2)])
    assert [entry[:2] for entry in log[:5]] == [
        ("world_model", "hear"), ("planner", "hear"),
        ("perception", "tick"), ("world_model", "tick"), ("planner", "tick"),
    ]  # fmt: skip
    last_heard = max(i for i, entry in enumerate(log) if entry[1] == "hear")
    assert all(entry[3] < T0 + 0.2 - 1e-9 for entry in log[5:last_heard] if entry[1] == "tick")


def test_what_a_core_answers_is_heard_at_once_first_said_first_heard() -> None:
    log: list = []
    heard: list[str] = []
    cores = {
        "perception": Toy("perception", log, {"wheel/odometry": "state/odometry"}),
        "world_model": Toy("world_model", log, {"state/odometry": "world_model/surprise"}),
        "controller": Toy("controller", log),
    }
    Runner(cores, taps=[lambda topic, data, now_s: heard.append(topic)]).run([said("wheel/odometry", T0)])
    assert heard[:3] == ["wheel/odometry", "state/odometry", "world_model/surprise"]
    assert ("controller", "hear", "state/odometry", T0) in log


def test_a_core_that_answers_itself_in_a_ring_does_not_recurse() -> None:
    log: list = []

    class Ring(Toy):
        left = 5000

        def handle(self, topic: str, data: Any, stamp_s: float) -> tuple[Output, ...]:
            Ring.left -= 1
            return (Output("state/odometry", data),) if Ring.left > 0 else ()

    Runner({"world_model": Ring("world_model", log)}).run([said("state/odometry", T0)])
    assert Ring.left == 0


@given(st.lists(st.floats(0.0, 20.0), max_size=60), st.integers(0, 5))
def test_events_within_the_window_come_in_stamp_order_and_none_is_lost(stamps: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    recorded = sorted((stamp + rng.uniform(0.0, 0.9), stamp) for stamp in stamps)
    out = [event.stamp_s for event in in_stamp_order([said("imu/data", stamp) for _, stamp in recorded], 1.0)]
    assert out == sorted(stamps)


def test_one_absurd_stamp_neither_holds_up_the_rest_nor_makes_years_of_ticks() -> None:
    log: list = []
    stamps = [T0 + 0.1 * k for k in range(20)]
    stamps.insert(10, T0 + 1e9)
    runner = Runner({"perception": Toy("perception", log)})
    runner.run(in_stamp_order([said("wheel/odometry", stamp) for stamp in stamps]))
    assert sum(entry[1] == "hear" for entry in log) == 21
    assert len(ticks(log, "perception")) < 100 * (2.0 + LONGEST_GAP_S)


def test_a_clock_that_goes_back_does_not_take_the_runner_back() -> None:
    log: list = []
    runner = Runner({"perception": Toy("perception", log)})
    runner.run([said("wheel/odometry", t) for t in (T0, T0 + 1.0, T0 + 0.3, float("nan"), T0 + 1.1)])
    times = ticks(log, "perception")
    assert times == sorted(times) and len(set(times)) == len(times)


@given(
    st.lists(
        st.tuples(st.sampled_from(["imu/data", "wheel/odometry", "state/odometry"]), st.floats(0.0, 3.0)), max_size=40
    )
)
def test_two_runs_are_the_same(run: list[tuple[str, float]]) -> None:
    logs: list[list] = []
    for _ in range(2):
        log: list = []
        cores = {
            "perception": Toy("perception", log, {"imu/data": "state/odometry"}),
            "world_model": Toy("world_model", log, beat="world_model/surprise"),
            "planner": Toy("planner", log),
        }
        Runner(cores, heartbeats=True).run(in_stamp_order([said(topic, T0 + t) for topic, t in run]))
        logs.append(log)
    assert logs[0] == logs[1]


class Governor(Toy):
    """A controller and gate in one: drives at 1 m/s."""

    def tick(self, stamp_s: float) -> tuple[Output, ...]:
        return (Output("cmd_vel", m.Twist(stamp_s, "base_link", 1.0, 0.0)),)


def test_a_simulator_closes_the_loop_and_hears_a_command_before_it_moves_on() -> None:
    log: list = []
    simulator = ToySimulator()
    runner = Runner({"safety_gate": Governor("safety_gate", log)})
    runner.drive(simulator, until_s=1.0, step_s=0.01)
    assert simulator.x_m == pytest.approx(1.0 - 0.01, abs=0.011)
    assert [t for t, _ in simulator.heard][:3] == pytest.approx([0.0, 0.01, 0.02])
    assert [entry[3] for entry in log if entry[1] == "hear"][:3] == pytest.approx([0.01, 0.02, 0.03])


def test_a_delayed_topic_arrives_late_and_a_silent_one_never() -> None:
    for fault, expected in (
        (Fault(FaultKind.DELAY, "cmd_vel", 0.2, 0.5, 0.1), 0.3),
        (Fault(FaultKind.SILENCE, "cmd_vel", 0.2, 0.5), 0.7),
    ):
        simulator = ToySimulator()
        runner = Runner({"safety_gate": Governor("g", [])}, wire=FaultyWire([fault]))
        arrivals: list[float] = []
        simulator.handle = lambda topic, data, stamp_s, runner=runner, arrivals=arrivals: arrivals.append(runner.now_s)  # type: ignore[method-assign,misc]
        runner.drive(simulator, until_s=1.0, step_s=0.01)
        gap = next(b for a, b in pairwise(arrivals) if b - a > 0.05)
        assert gap == pytest.approx(expected, abs=0.011)


def test_a_dead_node_is_silent_and_its_successor_hears_the_latched_topics() -> None:
    log: list = []
    runner = Runner({"controller": Toy("first", log)}, heartbeats=True, taps=[])
    beats: list[float] = []
    runner._taps.append(lambda topic, data, now_s: beats.append(now_s) if topic == "heartbeat" else None)
    runner.at(0.5, lambda: runner.take_down("controller"))
    runner.at(1.5, lambda: runner.bring_up("controller", Toy("second", log)))
    simulator = ToySimulator()
    runner.now_s = 0.0
    runner.say("plan", m.Path(0.0, "map", np.zeros((2, 3))))
    runner.drive(simulator, until_s=2.0)
    assert all(t < 0.5 for t in ticks(log, "first"))
    assert min(ticks(log, "second")) >= 1.5
    assert ("second", "hear", "plan", 0.0) in log
    assert not [t for t in beats if 0.5 < t < 1.5] and [t for t in beats if t > 1.5]


def test_an_exception_ends_a_strict_run_and_is_that_nodes_fault_in_a_campaign() -> None:
    class Broken(Toy):
        def tick(self, stamp_s: float) -> tuple[Output, ...]:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Runner({"planner": Broken("planner", [])}).run([said("imu/data", T0), said("imu/data", T0 + 1)])
    log: list = []
    runner = Runner({"planner": Broken("p", []), "perception": Toy("perception", log)}, strict=False)
    runner.run([said("imu/data", T0), said("imu/data", T0 + 1)])
    assert runner.faults == {"planner": "ValueError: broken"} and len(ticks(log, "perception")) > 50


def test_poison_reaches_every_number_but_the_stamp() -> None:
    scan = poisoned(m.LaserScan(3.0, "lidar", 0.0, 0.1, 0.1, 9.0, np.ones(5, np.float32)))
    assert scan.stamp_s == 3.0 and np.isnan(scan.ranges_m).all() and np.isnan(scan.angle_min_rad)
    rows = poisoned(m.Objects(3.0, "odom", layouts.empty(layouts.OBJECT, 2))).rows
    assert np.isnan(rows["x"]).all() and (rows["id"] == 0).all()


def test_a_frozen_topic_repeats_its_last_good_content_with_new_stamps() -> None:
    wire = FaultyWire([Fault(FaultKind.FREEZE, "wheel/odometry", 1.0, 1.0)])
    ((_, before),) = wire.carry("wheel/odometry", odometry(0.9, 5.0), 0.9)
    ((_, frozen),) = wire.carry("wheel/odometry", odometry(1.1, 7.0), 1.1)
    ((_, after),) = wire.carry("wheel/odometry", odometry(2.1, 9.0), 2.1)
    assert (before.position_m[0], frozen.position_m[0], after.position_m[0]) == (5.0, 5.0, 9.0)
    assert frozen.stamp_s == 1.1


def test_a_fault_on_nothing_that_exists_is_refused() -> None:
    with pytest.raises(InputError, match="no topic 'scann'"):
        Fault(FaultKind.SILENCE, "scann")
    with pytest.raises(InputError, match="no node"):
        Fault(FaultKind.DROP_NODE, "scan")
