"""The robot's battery: what driving and thinking take out of it, and what a charger puts in."""

from __future__ import annotations

import numpy as np

from physical_ai_core import messages as m
from physical_ai_core.geometry import Array
from physical_ai_core.site import Site

IDLE_W = 45.0  # computer and sensors
ROLLING_N, GRAVITY_MPS2 = 18.0, 9.81  # resistance while rolling
EFFICIENCY = 0.7  # of motors and gears
CHARGE_W = 400.0
VOLTS = 25.6
AT_DOCK_M, STANDING_MPS = 0.6, 0.05


class Battery:
    """`charge` from 0 to 1. It charges while the robot stands at a place of the site that is a dock."""

    def __init__(self, site: Site, capacity_wh: float, charge: float, mass_kg: float) -> None:
        self.charge = charge
        self._capacity_j = 3600.0 * capacity_wh
        self._mass_kg = mass_kg
        docks = [place.pose.as_array()[:2] for place in site.places.values() if place.dock]
        self._docks = np.array(docks).reshape(-1, 2)
        self._speed_mps = 0.0

    def update(self, stamp_s: float, xy_m: Array, speed_mps: float, dt_s: float) -> m.Battery:
        """Take `dt_s` of driving at `speed_mps` out of it, or charge. Speeding up costs; braking gives nothing back."""
        gained_j = 0.5 * self._mass_kg * max(0.0, speed_mps**2 - self._speed_mps**2)
        self._speed_mps = speed_mps
        docked = len(self._docks) > 0 and float(np.hypot(*(self._docks - xy_m).T).min()) <= AT_DOCK_M
        power_w = -IDLE_W - (ROLLING_N * abs(speed_mps) + gained_j / dt_s) / EFFICIENCY
        if docked and abs(speed_mps) <= STANDING_MPS and self.charge < 1.0:
            power_w += CHARGE_W
        self.charge = float(np.clip(self.charge + power_w * dt_s / self._capacity_j, 0.0, 1.0))
        return m.Battery(stamp_s, "base_link", self.charge, VOLTS, power_w / VOLTS)
