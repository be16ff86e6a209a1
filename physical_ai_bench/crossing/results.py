"""What one crossing run comes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """How one run ended. Times count from the order to drive; gaps are from the footprint to a person's circle."""

    forecast: str  # what the controller is told of people; nobody: none are there
    seed: int
    recording: str
    reached: bool
    collisions: int  # contacts while the robot moved, or had within the last 0.5 s
    bumps: int  # people who walked into the robot that stood
    time_s: float
    least_gap_m: float
    least_gap_moving_m: float
    met: int  # people who came within 3 m
    gate_stops: int  # times the gate began to stop the robot
    gate_s: float  # time in which the gate changed the command for a person or an obstacle
    stood_s: float
    distance_m: float
    real_time: float  # simulated seconds a second of wall time
    cpu_s: float  # of this process
    setup: str  # fingerprint of robot, rules and parameters
    notes: str

    @property
    def key(self) -> tuple[str, int]:
        return self.forecast, self.seed
