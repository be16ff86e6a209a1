"""Behind its live mail a core is called as its node would: samples, gathers, what is put off; nothing read in vain."""

from __future__ import annotations

from typing import Any

import numpy as np

from physical_ai_bench.regression.mail import Letter, LiveGate, LiveNode, LiveTelemetry, live
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import Health, Output


class Diary:
    """A core that writes down what it is called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []

    def handle(self, topic: str, data: Any, stamp_s: float) -> list[Output]:
        self.calls.append((topic, stamp_s))
        return [Output("said", topic)]

    def tick(self, stamp_s: float) -> list[Output]:
        self.calls.append(("tick", stamp_s))
        return []

    def health(self) -> Health:
        return Health()

    def arrive(self, stamp_s: float) -> None:
        self.calls.append(("arrive", stamp_s))

    def settle(self) -> list[Output]:
        self.calls.append(("settle", 0.0))
        return []

    def hear_stamp(self, topic: str, stamp_s: float) -> None:
        self.calls.append((f"stamp of {topic}", stamp_s))

    def take_causes(self) -> list[str]:
        return []

    def watch(self, steady_s: float) -> None:
        self.calls.append(("watch", steady_s))


def imu(stamp_s: float) -> m.Imu:
    return m.Imu(stamp_s, "imu", np.zeros(3), np.zeros(3))


def test_of_a_sampled_topic_the_core_gets_the_newest_at_its_tick_and_the_others_are_never_read() -> None:
    node, read = LiveNode("controller", Diary()), list[int]()

    def letter(k: int) -> Letter:
        def decode() -> m.Scalar:
            read.append(k)
            return m.Scalar(float(k))

        return Letter(decode)

    for k in range(3):
        assert not node.handle("world_model/surprise", letter(k), 1.0)
    assert not read
    node.clock = lambda: 5.0
    node.tick(5.0)
    assert read == [2]
    assert node.core.calls == [("world_model/surprise", 5.0), ("tick", 5.0)]  # type: ignore[attr-defined]


def test_gathered_messages_come_in_the_order_of_their_stamps_and_before_what_wakes_the_node() -> None:
    node = LiveNode("perception", Diary())
    node.handle("imu/data", imu(2.0), 2.0)
    node.handle("wheel/odometry", imu(1.5), 1.5)
    node.handle("imu/data", imu(2.5), 2.5)
    outputs = node.handle("gps/fix", imu(2.6), 2.6)
    calls = node.core.calls  # type: ignore[attr-defined]
    assert calls == [("wheel/odometry", 1.5), ("imu/data", 2.0), ("imu/data", 2.5), ("gps/fix", 2.6)]
    assert [output.data for output in outputs] == ["wheel/odometry", "imu/data", "imu/data", "gps/fix"]


def test_what_is_put_off_comes_one_by_one_after_a_tick() -> None:
    node = LiveNode("perception", Diary())
    for k in (1.0, 2.0):
        node.handle("scan", imu(k), k)
    node.tick(3.0)
    node.tick(4.0)
    node.tick(5.0)
    calls = node.core.calls  # type: ignore[attr-defined]
    assert calls == [("tick", 3.0), ("scan", 1.0), ("tick", 4.0), ("scan", 2.0), ("tick", 5.0)]


def test_of_more_than_waits_in_the_middleware_the_oldest_is_lost() -> None:
    node = LiveNode("perception", Diary())
    rate = graph.TOPIC["imu/data"].rate_hz
    for k in range(int(rate)):
        node.handle("imu/data", imu(float(k)), float(k))
    node.tick(1e3)
    assert len(node.core.calls) == 1 + int(0.5 * rate)  # type: ignore[attr-defined]
    assert node.core.calls[0] == ("imu/data", rate - int(0.5 * rate))  # type: ignore[attr-defined]


def test_the_gate_is_told_the_time_of_each_arrival_and_settles_after_it() -> None:
    node = live("safety_gate", Diary())
    assert isinstance(node, LiveGate)
    node.clock = lambda: 7.0
    node.handle("scan", imu(6.9), 6.9)
    node.tick(7.01)
    calls = node.core.calls  # type: ignore[attr-defined]
    assert calls == [("arrive", 7.0), ("scan", 6.9), ("settle", 0.0), ("watch", 7.01), ("tick", 7.01)]


def test_telemetry_hears_everything_at_its_tick_the_estimate_thinned_and_of_commands_the_stamp() -> None:
    node, now = live("telemetry", Diary()), [0.0]
    assert isinstance(node, LiveTelemetry)
    node.clock = lambda: now[0]
    for k in range(20):
        now[0] = 0.01 * k
        node.handle("state/odometry", imu(now[0]), now[0])
    node.handle("safety/verdict", imu(now[0]), now[0])
    node.handle("cmd_vel", imu(now[0]), now[0])
    node.tick(0.2)
    topics = [topic for topic, _ in node.core.calls]  # type: ignore[attr-defined]
    assert topics == ["state/odometry", "state/odometry", "safety/verdict", "stamp of cmd_vel", "tick"]


def test_every_node_of_the_table_that_can_be_replayed_has_its_waiting_topics_from_the_table() -> None:
    for spec in graph.NODES:
        node = LiveNode(spec.name, Diary())
        heard = {topic.name for topic in graph.heard_by(spec.name)}
        for topic in heard & {*spec.samples, *spec.gathers, *spec.defers}:
            node.handle(topic, imu(1.0), 1.0)
        assert node.core.calls == []  # type: ignore[attr-defined]
