"""What the sensors of the simulated robot say while it drives in circles: made once, fed again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from physical_ai_core import messages as m
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.parameters import SimulatorParameters

FED: Final = ("imu/data", "wheel/odometry", "gps/fix", "scan")
DENSER: Final = ("imu/data", "scan")  # what comes more often where the load is higher
STEP_S: Final = 0.02
SPEED_MPS: Final = 0.5
YAW_RATE_RPS: Final = 0.5


class Event(NamedTuple):
    """`at_s` from the beginning; a payload said on a topic."""

    at_s: float
    topic: str
    data: Any


def record(seconds: float, seed: int = 0) -> list[Event]:
    """IMU 200 Hz, wheels 50 Hz, scans of 720 rays 20 Hz, GNSS 5 Hz in the yard, with people, in stamp order."""
    simulator = SimulatorCore(SimulatorParameters(seed=seed, people="yard"))
    begin_s = simulator.stamp_s
    events = []
    while simulator.stamp_s - begin_s < seconds:
        command = m.Twist(simulator.stamp_s, "base_link", SPEED_MPS, YAW_RATE_RPS)
        simulator.handle("cmd_vel", command, simulator.stamp_s)
        for output in simulator.advance(simulator.stamp_s + STEP_S):
            if output.topic in FED:
                events.append(Event(output.data.stamp_s - begin_s, output.topic, output.data))
    return sorted(events, key=lambda event: event.at_s)


def denser(events: list[Event], factor: int) -> list[Event]:
    """IMU and scans `factor` times as often: each said again in the time to the next."""
    if factor == 1:
        return events
    period_s = {topic: _period_s(events, topic) for topic in DENSER}
    more = [
        Event(event.at_s + shift_s, event.topic, replace(event.data, stamp_s=event.data.stamp_s + shift_s))
        for event in events
        for shift_s in ([i * period_s[event.topic] / factor for i in range(factor)] if event.topic in DENSER else [0.0])
    ]
    return sorted(more, key=lambda event: event.at_s)


def _period_s(events: list[Event], topic: str) -> float:
    times = [event.at_s for event in events if event.topic == topic]
    return (times[-1] - times[0]) / (len(times) - 1)
