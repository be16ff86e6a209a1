"""What the gate is started with where nobody says otherwise, and which numbers it refuses."""

from __future__ import annotations

import pytest

from physical_ai_core.errors import ParameterError
from physical_ai_core.parameters import describe, load
from physical_ai_safety.parameters import GateParameters


def test_a_gate_that_nobody_configured_is_latched_watches_both_clocks_and_has_no_load_and_no_mode() -> None:
    assert GateParameters() == GateParameters(
        site="yard", robot="scout", rules="default", payload="", mode="", start_latched=True, require_imu=False,
        steady_timeout_s=1.0, wall_offset_s=0.0,
    )  # fmt: skip
    said = {
        name: (about.unit, about.minimum, about.maximum) for name, (_, _, about) in describe(GateParameters).items()
    }
    plain = dict.fromkeys(("site", "robot", "rules", "payload", "mode", "start_latched", "require_imu"))
    assert said == {
        **dict.fromkeys(plain, ("", None, None)), "steady_timeout_s": ("s", 0.0, 60.0),
        "wall_offset_s": ("s", None, None),
    }  # fmt: skip
    with pytest.raises(AttributeError):
        GateParameters().mode = "mowing"  # type: ignore[misc]


@pytest.mark.parametrize(("steady_s", "good"), [(0.0, True), (60.0, True), (-0.1, False), (60.1, False)])
def test_the_steady_clock_waits_a_minute_at_most(steady_s: float, good: bool) -> None:
    if good:
        assert load(GateParameters, {"steady_timeout_s": steady_s}).steady_timeout_s == steady_s
        return
    with pytest.raises(ParameterError):
        load(GateParameters, {"steady_timeout_s": steady_s})
