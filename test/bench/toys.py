"""Small cores whose answers show in which order they were driven."""

from __future__ import annotations

from typing import Any

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.core import Health, Output, Outputs


class Toy:
    """Remembers every call; answers with what `answers` and `beats` say."""

    def __init__(self, name: str, log: list, answers: dict[str, str] | None = None, beat: str | None = None) -> None:
        self.name, self.log, self.answers, self.beat = name, log, answers or {}, beat

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        self.log.append((self.name, "hear", topic, stamp_s))
        out = self.answers.get(topic)
        return (Output(out, m.Scalar(stamp_s)),) if out else ()

    def tick(self, stamp_s: float) -> Outputs:
        self.log.append((self.name, "tick", "", stamp_s))
        return (Output(self.beat, m.Scalar(stamp_s)),) if self.beat else ()

    def health(self) -> Health:
        return Health(0, "ok")


class ToySimulator:
    """A point on a line that does what `cmd_vel` says, and measures its speed at 100 Hz."""

    def __init__(self) -> None:
        self.stamp_s, self.x_m, self.speed_mps = 0.0, 0.0, 0.0
        self.heard: list[tuple[float, float]] = []

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        if topic == "cmd_vel":
            self.speed_mps = data.linear_x_mps
            self.heard.append((stamp_s, data.linear_x_mps))
        return ()

    def advance(self, to_stamp_s: float) -> Outputs:
        out = []
        while self.stamp_s + 0.005 < to_stamp_s:
            self.stamp_s = round(self.stamp_s + 0.01, 6)
            self.x_m += 0.01 * self.speed_mps
            out.append(Output("wheel/odometry", odometry(self.stamp_s, self.x_m, self.speed_mps)))
        return out


def odometry(stamp_s: float, x_m: float = 0.0, speed: float = 0.0, frame: str = "odom") -> m.Odometry:
    upright = np.array([0.0, 0.0, 0.0, 1.0])
    return m.Odometry(
        stamp_s, frame, "base_link", np.array([x_m, 0.0, 0.0]), upright, np.array([speed, 0.0, 0.0]), np.zeros(3)
    )
