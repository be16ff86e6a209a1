"""The edges of the numbers in a rules file, once more as a list: what is left out, what is taken, what is refused."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from physical_ai_core import graph
from physical_ai_core.share import share_root
from physical_ai_safety.rule_forms import (
    RULE_KINDS,
    Approval,
    Forbid,
    Geofence,
    Hours,
    KeepOut,
    Slope,
    SpeedLimit,
    When,
)  # fmt: skip
from physical_ai_safety.schema import Cause, ImplementRule, Payload, RangeSensor, RulesFile, ZoneRule
from physical_ai_safety.section import Section

A_LITTLE = 1e-6
RULE: dict[str, Any] = {"id": "one", "clause": "site order 1", "hazard": "none, this is a test"}
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
    ("limits", "max_yaw_rate_rps", None, 0.0, "open", None),
    ("limits", "max_acceleration_mps2", None, 0.0, "open", None),
    ("limits", "max_deceleration_mps2", None, 0.0, "open", None),
    ("limits", "max_yaw_acceleration_rps2", None, 0.0, "open", None),
    ("people", "max_speed_mps", 3.0, 0.3, "", None),  # not below the least speed of people
    ("watchdogs", "points_s", 0.5, 0.0, "open", 2.0),
    ("watchdogs", "deadman_s", 0.0, 0.0, "", 2.0),
    ("watchdogs", "max_command_hz", 400.0, 20.0, "", None),
    ("plausible", "yaw_rps", 0.4, 0.0, "open", None),
    ("plausible", "yaw_s", 0.5, 0.1, "", 10.0),
    ("plausible", "speed_mps", 0.5, 0.0, "open", None),
    ("plausible", "speed_s", 1.0, 0.1, "", 10.0),
    ("plausible", "leap_mps", 0.5, 0.0, "open", None),
    ("plausible", "frozen_s", 0.5, 0.1, "", 10.0),
    ("localisation", "min_sigma_m", 0.03, 0.0, "", 0.7),  # not above the largest
    ("localisation", "max_sigma_m", 0.7, 0.03, "", 5.0),
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


# (form, what else it must say, field, its value where nothing is said or "needed", least and greatest, as above)
Form = tuple[type[Section], dict[str, Any], str, Any, float, str, float | None]
FORMS: list[Form] = [
    (Payload, {}, "mass_kg", "needed", 0.0, "", None),
    (Payload, {"mass_kg": 1.0}, "com_height_m", 0.0, 0.0, "", None),
    (Payload, {"mass_kg": 1.0}, "braking_mps2", None, 0.05, "open", None),
    (Payload, {"mass_kg": 1.0}, "yaw_braking_rps2", None, 0.05, "open", None),
    (RangeSensor, {}, "max_age_s", None, 0.0, "open", 5.0),
    (RangeSensor, {}, "view_rad", 0.0, 0.0, "", 6.3),
    (ZoneRule, {}, "max_speed_mps", "needed", 0.0, "open", None),
    (ImplementRule, {}, "max_tilt_rad", 0.35, 0.0, "open", 1.57),
    (ImplementRule, {}, "person_m", 0.0, 0.0, "", 20.0),
    (ImplementRule, {}, "clear_m", 0.0, 0.0, "", 5.0),
    (When, {}, "payload_over_kg", None, 0.0, "", None),
    (SpeedLimit, RULE | {"kind": "speed"}, "max_speed_mps", None, 0.05, "", None),
    (SpeedLimit, RULE | {"kind": "speed"}, "max_reverse_mps", None, 0.05, "", None),
    (SpeedLimit, RULE | {"kind": "speed"}, "max_yaw_rate_rps", None, 0.1, "", None),
    (Forbid, RULE | {"kind": "forbid", "actions": ["turn"]}, "turn_rps", 0.15, 0.05, "", None),
    (Forbid, RULE | {"kind": "forbid", "actions": ["turn"]}, "turn_radius_m", 5.0, 0.0, "open", None),
    (Approval, RULE | {"kind": "approval"}, "persons", 1, 1, "", 5),
    (Approval, RULE | {"kind": "approval"}, "timeout_s", 60.0, 0.0, "open", 3600.0),
    (Approval, RULE | {"kind": "approval"}, "valid_s", 600.0, 0.0, "open", 86400.0),
    (Slope, RULE | {"kind": "slope"}, "max_slope_rad", "needed", 0.0, "open", 1.2),
]


@pytest.mark.parametrize(("form", "more", "field", "default", "least", "open_", "most"), FORMS)
def test_a_number_of_a_part_that_is_listed_has_its_default_and_its_edges(
    form: type[Section], more: dict[str, Any], field: str, default: Any, least: float, open_: str, most: float | None
) -> None:
    assert form.model_fields[field].is_required() == (default == "needed")
    if default != "needed":
        assert form.model_fields[field].default == default
    step = 1 if isinstance(least, int) else A_LITTLE
    for good in [least + step if open_ else least, *([] if most is None else [most])]:
        assert getattr(form.model_validate(more | {field: good}), field) == good
    for bad in [least if open_ else least - step, *([] if most is None else [most + step])]:
        with pytest.raises(ValidationError):
            form.model_validate(more | {field: bad})


def test_what_a_file_leaves_out_is_on_the_side_of_caution() -> None:
    file = RulesFile(name="test")
    assert file.tool_needs_work_zone and file.second_publisher_stops and file.schema_version == 1
    assert file.crew == ("perception", "world_model", "planner", "controller", "telemetry", "supervisor")
    assert set(file.crew) < set(graph.NODE)
    assert file.stopping.controlled == ("crew", "stale_command", "tilt")
    assert file.watchdogs.min_rate_hz == {"scan": 4.0, "wheel/odometry": 8.0}
    implement = ImplementRule()
    assert implement.needs_work_zone and not implement.base_at_rest and not implement.by_tool
    assert implement.anew_after == (Cause.LIFTED, Cause.TILTED)
    assert RangeSensor().required and RangeSensor().topic == "scan"


def test_the_causes_that_a_file_names_are_those_of_the_page() -> None:
    names = [cause.value for cause in Cause]
    assert names == ["emergency", "stop", "person", "clear", "lifted", "tilted", "outside", "moving"]
    page = (share_root() / "docs" / "safety.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in names)


@pytest.mark.parametrize(
    ("section", "low", "high"),
    [("people", "min_speed_mps", "max_speed_mps"), ("localisation", "min_sigma_m", "max_sigma_m")],
)
def test_two_bounds_may_meet_but_not_cross(section: str, low: str, high: str) -> None:
    RulesFile.model_validate({"name": "test", section: {low: 0.5, high: 0.5}})
    with pytest.raises(ValidationError, match=low):
        RulesFile.model_validate({"name": "test", section: {low: 0.5, high: 0.5 - A_LITTLE}})


def test_a_top_speed_of_a_rule_may_be_that_of_reversing_but_not_below_it() -> None:
    rule = RULE | {"kind": "speed", "max_speed_mps": 0.5}
    assert SpeedLimit.model_validate(rule | {"max_reverse_mps": 0.5}).max_reverse_mps == 0.5
    with pytest.raises(ValidationError, match="binds both ways"):
        SpeedLimit.model_validate(rule | {"max_reverse_mps": 0.5 + A_LITTLE})


def test_every_day_of_the_week_may_be_named_and_all_of_them_are_meant_by_none() -> None:
    week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert list(Hours.model_validate({"days": week}).days) == week == list(Hours().days)
    assert (Hours().from_min, Hours().until_min) == (0, 1440)


@pytest.mark.parametrize(("text", "good"), [("x" * 2, False), ("x" * 3, True), ("x" * 400, True), ("x" * 401, False)])
def test_a_clause_is_a_text_of_three_to_four_hundred_signs(text: str, good: bool) -> None:
    if good:
        assert Approval.model_validate(RULE | {"kind": "approval", "clause": text}).clause == text
        return
    with pytest.raises(ValidationError):
        Approval.model_validate(RULE | {"kind": "approval", "clause": text})


def test_the_least_doubt_about_the_place_is_a_metre_at_most_however_much_is_borne() -> None:
    wide: dict[str, Any] = {"max_sigma_m": 5.0}
    RulesFile.model_validate({"name": "test", "localisation": wide | {"min_sigma_m": 1.0}})
    with pytest.raises(ValidationError, match="min_sigma_m"):
        RulesFile.model_validate({"name": "test", "localisation": wide | {"min_sigma_m": 1.0 + A_LITTLE}})


def test_the_kinds_of_rules_are_those_of_their_forms() -> None:
    forms = (KeepOut, Geofence, SpeedLimit, Forbid, Approval, Slope)
    assert tuple(get_args(form.model_fields["kind"].annotation)[0] for form in forms) == RULE_KINDS


@pytest.mark.parametrize(
    "text", ["00:00", "09:30", "19:59", "23:59", "24:00", "24:01", "25:00", "12:60", "7:5", "noon"]
)
def test_the_published_form_of_a_time_of_day_takes_what_the_file_takes(text: str) -> None:
    form = Hours.model_json_schema(by_alias=True)["properties"]["until"]
    assert form["type"] == "string"
    try:
        taken = Hours.model_validate({"from": "00:01", "until": text}).until_min >= 0
    except ValidationError:
        taken = False
    assert bool(re.search(form["pattern"], text)) is taken
