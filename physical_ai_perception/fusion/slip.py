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

BLOCK_S: Final = 0.08  # means over so long are compared: the noise of single messages matters less
WINDOWS_S: Final = (0.5, 1.0)
TAU_S: Final = 1.0
MOST_GAP_S: Final = 0.3  # wheels that speak more seldom are not watched
SLIPS: Final = 3.5  # standard deviations of a difference that is no longer noise
ROLLS: Final = 2.0  # ... and of one that is, once a slip has been seen
SCALE_SIGMA: Final = 0.03  # of the wheels' own change of speed
TURNS_RPS: Final = 0.2  # in a slip: the wheels turn otherwise than the gyro says
FASTEST_S: Final = 5.0
LEAST_MPS: Final = 0.05  # a slip that has been seen is not taken as smaller


Block = tuple[float, float, float, float, float, int]  # means of stamp, wheels' and felt velocity (x, y); messages
NO_SUMS: Final = (0.0, 0.0, 0.0, 0.0, 0.0)


class Slip:
    """`speed_mps`: how far the wheels may be wrong; 0 while they roll. `slipping`: the accelerometer says so, of what
    they said after `since_s`."""

    def __init__(self) -> None:
        self.slipping = False
        self.speed_mps = 0.0
        self.since_s = 0.0
        self.fastest_mps = 0.0  # of late
        self.strength = 0.0  # standard deviations of the last difference
        self._period_s = 0.02
        self._stamp_s = 0.0
        self._sums, self._count, self._from_s = NO_SUMS, 0, 0.0
        self._blocks: deque[Block] = deque(maxlen=round(WINDOWS_S[-1] / BLOCK_S) + 3)

    def forget_window(self) -> None:
        """What was felt is unknown for a while: the comparison starts anew."""
        self._blocks.clear()
        self._count = 0

    def look(
        self, stamp_s: float, wheels: tuple[float, float], felt: tuple[float, float], turn_rps: float,
        noise: tuple[float, float, float],
    ) -> bool:  # fmt: skip
        """One wheel message: its velocity in the world (x, y), the sum of acceleration over time there (x, y), the yaw
        rate of the wheels minus that of the gyro. `noise`: variance of the wheels' speed (m/s)², density of the
        accelerometer's noise (m/s)²/s, variance of its offset (bias and tilt) (m/s²)². True: a slip begins to be seen.
        """
        gap_s = stamp_s - self._stamp_s
        self._stamp_s = stamp_s
        if 0.0 < gap_s <= MOST_GAP_S:
            self._period_s += 0.1 * (gap_s - self._period_s)
            self.speed_mps *= exp(-gap_s / TAU_S)
            self.fastest_mps *= exp(-gap_s / FASTEST_S)
        else:
            self.forget_window()
        (wx, wy), (fx, fy) = wheels, felt
        self.fastest_mps = max(self.fastest_mps, hypot(wx, wy))
        if not self._count:
            self._sums, self._from_s = NO_SUMS, stamp_s
        t, ax, ay, bx, by = self._sums
        self._sums = t + stamp_s, ax + wx, ay + wy, bx + fx, by + fy
        self._count += 1
        if stamp_s - self._from_s + self._period_s < BLOCK_S - 1e-6:
            return False
        t, ax, ay, bx, by = self._sums
        n = self._count
        self._blocks.append((t / n, ax / n, ay / n, bx / n, by / n, n))
        self._count = 0
        return self._judge(turn_rps, noise)

    def variance(self, away_mps: float) -> float:
        """White noise of each wheel message that is worth the slip, (m/s)²; `away_mps`: how far it is from the state.

        The state may be wrong instead: it cannot excuse more than the wheels have lately been able to slip.
        """
        self.speed_mps = max(self.speed_mps, min(away_mps, self.fastest_mps + LEAST_MPS))
        return self.speed_mps**2 * (1.0 + 2.0 * TAU_S / self._period_s)

    def _judge(self, turn_rps: float, noise: tuple[float, float, float]) -> bool:
        blocks = self._blocks
        newest, begins, wander = blocks[-1], False, 0.0
        self.strength = 0.0
        for window_s in WINDOWS_S:
            oldest = next((block for block in blocks if newest[0] - block[0] <= window_s + 1e-6), newest)
            if newest[0] - oldest[0] < 0.7 * window_s:
                continue
            strength, far = _wander(oldest, newest, noise)
            if strength > self.strength:
                self.strength, wander = strength, far
        if self.strength > (ROLLS if self.slipping else SLIPS):
            begins, self.slipping = not self.slipping, True
        elif self.slipping and abs(turn_rps) <= TURNS_RPS:
            self.slipping, self.speed_mps = False, 0.0
        if self.slipping:
            self.speed_mps = max(self.speed_mps, wander, LEAST_MPS)
        if begins:
            self.since_s = blocks[0][0] - BLOCK_S
        return begins


def _wander(a: Block, b: Block, noise: tuple[float, float, float]) -> tuple[float, float]:
    """Change of the difference between two blocks: in standard deviations, and in m/s."""
    span_s, ax, ay = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    far = hypot(ax - b[3] + a[3], ay - b[4] + a[4])
    variance = noise[0] * (1.0 / a[5] + 1.0 / b[5]) + noise[1] * span_s + noise[2] * span_s**2
    return far / sqrt(variance + (SCALE_SIGMA * hypot(ax, ay)) ** 2), far
