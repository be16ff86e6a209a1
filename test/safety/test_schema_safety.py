"""The edges of the numbers in a rules file, once more as a list: what is left out, what is taken, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from physical_ai_safety.schema import ImplementRule, RulesFile

A_LITTLE = 1e-6
# (section, field, its value where the file says nothing, least and greatest; "open": the least itself is refused)
NUMBERS: list[tuple[str, str, float | None, float, str, float | None]] = [
    ("stopping", "reaction_s", 0.2, 0.02, "", 2.0),
    ("stopping", "actuator_s", 0.06, 0.0, "", 2.0),
    ("stopping", "braking_mps2", 1.5, 0.05, "open", None),
    ("stopping", "yaw_braking_rps2", 3.0, 0.05, "open", None),
    ("stopping", "stop_margin_m", 0.10, 0.0, "", 2.0),
    ("stopping", "side_margin_m", 0.05, 0.0, "", 1.0),
    ("stopping", "blind_reverse_mps", 0.2, 0.0, "", None),
    ("stopping", "blind_memory_s", 10.0, 0.0, "", 60.0),
    ("stopping", "hold_s", 0.5, 0.0, "", 10.0),
    ("stopping", "overrun_s", 1.0, 0.0, "", 10.0),
    ("stopping", "resume_extra_m", 0.05, 0.0, "", 1.0),
    ("people", "min_speed_mps", 0.3, 0.0, "open", None),
    ("people", "rest_before_contact_s", 0.6, 0.0, "", 5.0),
    ("people", "spread_mps", 0.2, 0.0, "", 2.0),
    ("watchdogs", "scan_s", 0.25, 0.0, "open", 2.0),
    ("watchdogs", "wheel_odometry_s", 0.2, 0.0, "open", 2.0),
    ("watchdogs", "imu_s", 0.2, 0.0, "open", 2.0),
    ("watchdogs", "state_s", 0.3, 0.0, "open", 2.0),
    ("watchdogs", "map_to_odom_s", 1.0, 0.0, "open", 10.0),
    ("watchdogs", "autonomy_s", 0.25, 0.0, "open", 2.0),
    ("watchdogs", "teleop_s", 0.5, 0.0, "open", 2.0),
    ("watchdogs", "future_s", 0.2, 0.0, "open", 2.0),
    ("watchdogs", "site_s", 3.0, 0.0, "open", 60.0),
    ("", "escape_mps", 0.2, 0.0, "open", 0.5),
    ("", "max_tilt_rad", 0.35, 0.0, "open", 1.57),
    ("limits", "max_speed_mps", None, 0.0, "open", None),
    ("limits", "max_reverse_mps", None, 0.0, "", None),
    ("limits", "max_jerk_mps3", None, 0.0, "open", None),
    ("limits", "max_lateral_mps2", None, 0.0, "open", None),
]


@pytest.mark.parametrize(("field", "most"), [("person_m", 20.0), ("clear_m", 5.0)])
def test_an_implement_is_kept_away_by_any_distance_up_to_its_most(field: str, most: float) -> None:
    for good in (0.0, most):
        assert getattr(ImplementRule.model_validate({field: good}), field) == good
    for bad in (-A_LITTLE, most + A_LITTLE):
        with pytest.raises(ValidationError):
            ImplementRule.model_validate({field: bad})


def read(section: str, field: str, value: float) -> Any:
    inner: dict[str, Any] = {field: value}
    return RulesFile.model_validate({"name": "test", **({section: inner} if section else inner)})


@pytest.mark.parametrize(("section", "field", "default", "least", "open_", "most"), NUMBERS)
def test_a_number_of_the_rules_file_has_its_default_and_its_edges(
    section: str, field: str, default: float | None, least: float, open_: str, most: float | None
) -> None:
    file = RulesFile(name="test")
    assert getattr(getattr(file, section) if section else file, field) == default
    for good in [least + A_LITTLE if open_ else least, *([] if most is None else [most])]:
        read(section, field, good)
    for bad in [least if open_ else least - A_LITTLE, *([] if most is None else [most + A_LITTLE])]:
        with pytest.raises(ValidationError):
            read(section, field, bad)
