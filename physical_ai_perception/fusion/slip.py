"""Do the wheels roll? What they say is compared with what the accelerometer felt, over up to a second.

A wheel that rolls changes its speed as the body does: `wheel velocity - integral of the acceleration`, a vector of the
world, stays where it is, whatever the speed. A wheel that slips is braked or driven by friction, so this difference
wanders, by the ground's friction times gravity each second: on ice a quarter of a metre per second. It wanders as well
where the wheels stand and the body slides. A body that slips without any force, as against a wall, is not told by this.

A slip lasts: errors of wheels in a row are not white. A slip of `s` m/s that is forgotten within TAU_S weighs as white
noise of the density 2 s² TAU_S, the spectral density at zero of a first-order Gauss-Markov process.
"""

from __future__ import annotations

from collections import deque
from math import exp, hypot, sqrt
from typing import Final

WINDOWS_S: Final = (0.5, 1.0)
EDGE: Final = 4  # messages whose mean is taken at both ends of a window
TAU_S: Final = 1.0
MOST_GAP_S: Final = 0.11  # wheels that speak more seldom are not watched
SLIPS: Final = 3.5  # standard deviations of a difference that is no longer noise
ROLLS: Final = 2.0  # ... and of one that is, once a slip has been seen
SCALE_SIGMA: Final = 0.03  # of the wheels' own change of speed
TURNS_RPS: Final = 0.2  # in a slip: the wheels turn otherwise than the gyro says
FASTEST_S: Final = 5.0
LEAST_MPS: Final = 0.05  # a slip that has been seen is not taken as smaller


class Slip:
    """`speed_mps`: how far the wheels may be wrong; 0 while they roll. `slipping`: the accelerometer says so."""

    def __init__(self) -> None:
        self.slipping = False
        self.speed_mps = 0.0
        self.strength = 0.0  # standard deviations of the last difference
        self.since_s = 0.0
        self.fastest_mps = 0.0  # of late
        self._period_s = 0.02
        self._stamp_s = 0.0
        self._rows: deque[tuple[float, float, float, float, float]] = deque(maxlen=256)

    def forget_window(self) -> None:
        """What was felt is unknown for a while: the comparison starts anew."""
        self._rows.clear()

    def look(
        self, stamp_s: float, wheels: tuple[float, float], felt: tuple[float, float], turn_rps: float,
        noise: tuple[float, float, float],
    ) -> bool:  # fmt: skip
        """One wheel message: its velocity in the world (x, y), the sum of acceleration over time there (x, y), the yaw
        rate of the wheels minus that of the gyro. `noise`: variance of the wheels' speed (m/s)², density of the
        accelerometer's noise (m/s)²/s, variance of its offset (bias and tilt) (m/s²)². True: a slip is seen that began
        after `since_s`."""
        gap_s = stamp_s - self._stamp_s
        self._stamp_s = stamp_s
        if not 0.0 < gap_s <= MOST_GAP_S:
            self._rows.clear()
        else:
            self._period_s += 0.1 * (gap_s - self._period_s)
            self.speed_mps *= exp(-gap_s / TAU_S)
        self.fastest_mps = max(self.fastest_mps * exp(-max(gap_s, 0.0) / FASTEST_S), hypot(*wheels))
        rows = self._rows
        rows.append((stamp_s, wheels[0], wheels[1], felt[0], felt[1]))
        while stamp_s - rows[0][0] > WINDOWS_S[-1] + 1e-6:
            rows.popleft()
        self.strength = wander = 0.0
        for window_s in WINDOWS_S:
            count = min(len(rows), round(window_s / self._period_s) + 1)
            if count < 2 * EDGE or rows[-1][0] - rows[-count][0] < 0.8 * window_s:
                continue
            strength, far = self._wander(count, noise)
            if strength > self.strength:
                self.strength, wander = strength, far
        begins = False
        if self.strength > (ROLLS if self.slipping else SLIPS):
            begins, self.slipping = not self.slipping, True
        elif self.slipping:
            self.slipping = abs(turn_rps) > TURNS_RPS
            if not self.slipping:
                self.speed_mps = 0.0
        if self.slipping:
            self.speed_mps = max(self.speed_mps, wander, LEAST_MPS)
        if begins:
            self.since_s = rows[0][0]
        return begins

    def variance(self, away_mps: float) -> float:
        """White noise of each wheel message that is worth the slip, (m/s)²; `away_mps`: how far it is from the state.

        The state may be wrong instead: it cannot excuse more than the wheels have lately been able to slip.
        """
        self.speed_mps = max(self.speed_mps, min(away_mps, self.fastest_mps + LEAST_MPS))
        return self.speed_mps**2 * (1.0 + 2.0 * TAU_S / self._period_s)

    def _wander(self, count: int, noise: tuple[float, float, float]) -> tuple[float, float]:
        """Change of the difference over the last `count` messages: in standard deviations, and in m/s."""
        rows = self._rows
        size = len(rows)
        first = [rows[size - count + i] for i in range(EDGE)]
        last = [rows[size - 1 - i] for i in range(EDGE)]
        span_s, ax, ay, fx, fy = (sum(b[k] - a[k] for a, b in zip(first, last, strict=True)) / EDGE for k in range(5))
        far = hypot(ax - fx, ay - fy)
        variance = 2.0 * noise[0] / EDGE + noise[1] * span_s + noise[2] * span_s**2
        return far / sqrt(variance + (SCALE_SIGMA * hypot(ax, ay)) ** 2), far
