"""Velocity PID of the wheels: feed-forward, derivative on the measurement, limits, anti-windup by back-calculation.

Åström & Hägglund, Advanced PID Control (2006), ch. 3: `u = kv·r + ks·sign(r) + kp·e + I - D`, the derivative acts on
the filtered measurement, and the integrator follows the output that limits of value and rate really let through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from physical_ai_core.errors import ParameterError
from physical_ai_core.geometry import Array


@dataclass(frozen=True)
class PidGains:
    """Of one wheel, output in the actuator's unit (rad/s for velocity interfaces, N·m for effort).

    `feed_forward` of the set point, `static` against dry friction (sign of the set point), `filter_s`: time constant of
    the derivative's low pass, `tracking_s`: in this time the integrator gives back what saturation refused,
    `most`: largest magnitude of the output, `most_rate`: of its change a second.
    """

    proportional: float = 0.0
    integral: float = 0.0
    derivative: float = 0.0
    feed_forward: float = 1.0
    static: float = 0.0
    filter_s: float = 0.02
    tracking_s: float = 0.1
    most: float = 50.0
    most_rate: float = 500.0

    def __post_init__(self) -> None:
        for name in ("filter_s", "tracking_s", "most", "most_rate"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise ParameterError(f"'{name}' of the wheel PID is {getattr(self, name)}.", "It must be above zero.")
        for name in ("proportional", "integral", "derivative", "feed_forward", "static"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise ParameterError(f"'{name}' of the wheel PID is {getattr(self, name)}.", "It must not be negative.")


STANDING_RPS = 1e-3  # set points below are a stand
OF_NO_WHEEL_RPS = 1e6  # numbers beyond count as not finite
LONGEST_S = 0.1  # a gap longer than this is no control period


class WheelPid:
    """The same gains for `count` wheels."""

    def __init__(self, gains: PidGains, count: int) -> None:
        self.gains, self._count = gains, count
        self.reset()

    def reset(self) -> None:
        """As at the start: nothing integrated, output zero."""
        self.integral: Array = np.zeros(self._count)
        self.output: Array = np.zeros(self._count)
        self._filtered: Array | None = None
        self.trouble = ""

    def step(self, wanted_rps: Array, measured_rps: Array, dt_s: float) -> Array:
        """Output (n,) for set points (n,) and measured speeds (n,), rad/s; `dt_s` since the last step.

        Not finite or of another length: zero output, nothing kept, and `trouble` says what.
        """
        g = self.gains
        wanted, measured = np.asarray(wanted_rps, dtype=float), np.asarray(measured_rps, dtype=float)
        if wanted.shape != (self._count,) or measured.shape != (self._count,):
            return self._refuse(f"{self._count} wheels, found {wanted.shape} and {measured.shape}")
        with np.errstate(invalid="ignore"):
            if not ((np.abs(wanted) < OF_NO_WHEEL_RPS).all() and (np.abs(measured) < OF_NO_WHEEL_RPS).all()):
                return self._refuse("not finite")
        if not np.isfinite(dt_s):
            return self._refuse("not finite")
        self.trouble = ""
        dt_s = float(np.clip(dt_s, 0.0, LONGEST_S))
        before = self._filtered if self._filtered is not None else measured
        filtered = before + dt_s / (g.filter_s + dt_s) * (measured - before)
        self._filtered = filtered
        slope = (filtered - before) / dt_s if dt_s > 0.0 else np.zeros(self._count)
        error = wanted - measured
        sign = np.where(np.abs(wanted) > STANDING_RPS, np.sign(wanted), 0.0)
        free = (
            g.feed_forward * wanted + g.static * sign + g.proportional * error + self.integral - g.derivative * slope
        )  # fmt: skip
        output = np.clip(free, -g.most, g.most)
        output = np.clip(output, self.output - g.most_rate * dt_s, self.output + g.most_rate * dt_s)
        refused = np.clip(free, -10.0 * g.most, 10.0 * g.most) - output
        give_back = min(1.0, dt_s / g.tracking_s)
        if g.integral > 0.0:
            grown = self.integral + g.integral * error * dt_s - give_back * refused
            self.integral = np.clip(grown, -g.most, g.most)
        self.output = output
        return np.array(output)

    def _refuse(self, why: str) -> Array:
        self.reset()
        self.trouble = why
        return np.zeros(self._count)
