"""The simulated battery: driving empties it, a dock fills it."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_core.site import load_site
from physical_ai_sim.battery import Battery
from physical_ai_sim.core import SimulatorCore
from physical_ai_sim.parameters import SimulatorParameters

YARD = load_site("yard")
OPEN, CHARGER = np.array([20.0, 10.0]), YARD.places["charger"].pose.as_array()[:2]


def after(seconds: int, xy: np.ndarray, speed_mps: float, charge: float = 0.5) -> float:
    battery = Battery(YARD, 350.0, charge, 18.0)
    for k in range(seconds):
        said = battery.update(float(k), xy, speed_mps, 1.0)
    return said.charge


def test_driving_costs_more_than_standing_and_both_cost() -> None:
    assert after(600, OPEN, 1.0) < after(600, OPEN, 0.0) < 0.5


def test_it_charges_where_it_stands_at_a_dock_and_never_beyond_full() -> None:
    assert after(600, CHARGER, 0.0) > 0.5
    assert after(600, CHARGER, 1.0) < 0.5  # driving past is not charging
    assert after(20_000, CHARGER, 0.0) == pytest.approx(1.0, abs=1e-3)
    assert after(100_000, OPEN, 1.0) == 0.0


def test_the_simulator_says_the_charge_once_a_second() -> None:
    core = SimulatorCore(SimulatorParameters(site="yard", people="none", start="gate"))
    said = [o.data for o in core.advance(core.stamp_s + 3.0) if o.topic == "battery_state"]
    assert len(said) == 3
    assert all(0.79 < battery.charge <= 0.8 for battery in said)
