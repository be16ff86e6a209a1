"""How long and how far the robot drove, and a proxy of the energy that it took, from its own state.

The proxy is what the mechanics ask for at least: mass (robot file, `design.mass_kg`) times the changes of half the
squared speed, speeding up and braking alike (no base here is known to recuperate), and rolling resistance over the way.
It knows neither slopes, turning, tools nor computers: it compares drives of one robot, it is no bill. Where the battery
tells (`battery_state`), what it gave is counted besides: the drop of its charge, and voltage times current over time.
"""

from __future__ import annotations

import math
from typing import Final

from physical_ai_core import messages as m

GAP_S: Final = 1.0  # operating time is not counted across longer silence
ABSURD_MPS: Final = 20.0  # faster than this the estimate is wrong
SAMPLE_S: Final = 0.095  # speeds nearer in time than this would add their noise to the energy
ROLLING: Final = 0.02  # rolling resistance of rubber on asphalt, share of the weight
GRAVITY_MPS2: Final = 9.81
BATTERY_GAP_S: Final = 10.0


class Motion:
    """Sums over `state/odometry` and `battery_state`."""

    def __init__(self, stop_speed_mps: float, mass_kg: float | None) -> None:
        self.operating_s = self.distance_m = 0.0
        self.energy_j = 0.0
        self.battery_share: float | None = None  # of its whole charge
        self.battery_wh: float | None = None
        self.speed_mps = 0.0
        self._stop_speed_mps, self._mass_kg = stop_speed_mps, mass_kg
        self._stamp_s: float | None = None
        self._sample: tuple[float, float] | None = None  # when and how fast
        self._battery: m.Battery | None = None

    @property
    def moves(self) -> bool:
        return self.speed_mps > self._stop_speed_mps

    def hear(self, data: m.Odometry, stamp_s: float) -> bool:
        """False where the estimate is absurd and was left out."""
        speed = math.hypot(float(data.linear_mps[0]), float(data.linear_mps[1]))
        if not speed <= ABSURD_MPS:  # NaN too
            return False
        gap_s = stamp_s - self._stamp_s if self._stamp_s is not None else 0.0
        self._stamp_s, self.speed_mps = stamp_s, speed
        if 0.0 < gap_s <= GAP_S:
            self.operating_s += gap_s
            if self.moves:
                self.distance_m += speed * gap_s
        self._add_energy(stamp_s, speed)
        return True

    def hear_battery(self, data: m.Battery, stamp_s: float) -> None:
        """Count what it gave; while it is charged nothing is."""
        before, self._battery = self._battery, data
        if before is None:
            return
        gap_s = stamp_s - before.stamp_s
        drop = before.charge - data.charge
        if math.isfinite(drop):
            self.battery_share = (self.battery_share or 0.0) + max(0.0, drop)
        watt = -data.voltage_v * data.current_a
        if math.isfinite(watt) and 0.0 < gap_s <= BATTERY_GAP_S:
            self.battery_wh = (self.battery_wh or 0.0) + max(0.0, watt) * gap_s / 3600.0

    def energy_kj(self) -> float | None:
        """None where the robot file does not say how heavy it is."""
        return None if self._mass_kg is None else self.energy_j * 1e-3

    def _add_energy(self, stamp_s: float, speed: float) -> None:
        if self._mass_kg is None:
            return
        if self._sample is None or not 0.0 <= stamp_s - self._sample[0] <= GAP_S:
            self._sample = (stamp_s, speed)
            return
        begin_s, before = self._sample
        if stamp_s - begin_s < SAMPLE_S:
            return
        self._sample = (stamp_s, speed)
        before, now = (v if v > self._stop_speed_mps else 0.0 for v in (before, speed))  # noise of standing
        way_m = 0.5 * (before + now) * (stamp_s - begin_s)
        self.energy_j += self._mass_kg * (0.5 * abs(now**2 - before**2) + ROLLING * GRAVITY_MPS2 * way_m)
