"""What is carried, and in which mode: limits and braking tighten, the mass rises, and nothing loosens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from physical_ai_core.robot import Design, load_robot
from physical_ai_core.site import load_site
from physical_ai_safety.footprint import sort_points
from physical_ai_safety.gate import decide
from physical_ai_safety.loads import LOW_M, body
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rules import Rules, RulesError, combine, load_rules
from physical_ai_safety.schema import Payload, RulesFile
from physical_ai_safety.situation import Command, Memory, RobotState, compile_rules
from physical_ai_safety.stability import firm
from physical_ai_safety.walkers import NOBODY
from physical_ai_safety.zones import MapPose

PAYLOADS: dict[str, Any] = {
    "crate": {"mass_kg": 10.0, "com_height_m": 0.6, "limits": {"max_speed_mps": 1.0}, "braking_mps2": 1.2},
    "tank": {"mass_kg": 15.0, "com_height_m": 0.3, "limits": {"max_yaw_rate_rps": 1.0}, "yaw_braking_rps2": 2.0},
}
MODES: dict[str, Any] = {"teleop": {"max_speed_mps": 0.7}, "indoors": {"max_speed_mps": 0.8, "max_lateral_mps2": 1.0}}


def rules(payload: str = "", mode: str = "", **file: Any) -> Rules:
    content = {"name": "loads", "payloads": PAYLOADS, "modes": MODES} | file
    return combine(RulesFile.model_validate(content), load_site("yard"), load_robot("scout"), payload, mode)


def told(found: Rules) -> tuple[float, float, float, float]:
    stopping = found.file.stopping
    return (
        found.limits.max_speed_mps, found.limits.max_yaw_rate_rps, stopping.braking_mps2, stopping.yaw_braking_rps2,
    )  # fmt: skip


def test_the_payload_that_is_named_holds_and_without_a_name_all_of_them() -> None:
    site_mps = load_site("yard").max_speed_mps
    assert told(rules("crate")) == (1.0, 2.0, 1.2, 3.0)
    assert told(rules("tank")) == (min(2.0, site_mps), 1.0, 1.5, 2.0)
    assert told(rules()) == (1.0, 1.0, 1.2, 2.0)
    assert rules().payloads.keys() == {"crate", "tank"} and rules("tank").payloads.keys() == {"tank"}


def test_payload_and_mode_are_part_of_the_hash() -> None:
    hashes = {rules(payload, mode).hash for payload in ("", "crate", "tank") for mode in ("", "indoors")}
    assert len(hashes) == 6


def test_the_centre_of_mass_is_that_of_robot_and_payload_together_or_the_worst() -> None:
    together = (18.0 * 0.10 + 10.0 * 0.6) / 28.0
    assert compile_rules(rules("crate")).body.com_height_m == pytest.approx(together)
    assert compile_rules(rules()).body.com_height_m == pytest.approx(together)
    assert compile_rules(rules(payloads={"sheet": {"mass_kg": 0.0, "com_height_m": 2.0}})).body.com_height_m == 0.10
    low = {"plate": {"mass_kg": 10.0, "com_height_m": 0.01}}
    assert compile_rules(rules(payloads=low)).body.com_height_m == 0.10  # it may be put down


def test_where_the_mass_is_unknown_the_payload_counts_alone_and_without_a_height_nothing_tips() -> None:
    robot, loads = load_robot("scout"), rules("crate").payloads.values()
    weightless = robot.model_copy(update={"design": robot.design.model_copy(update={"mass_kg": None})})
    assert body(weightless, loads).com_height_m == 0.6
    unknown = body(robot.model_copy(update={"design": Design()}), loads)
    assert unknown == (LOW_M, 1.0, 1.0, robot.limits.max_deceleration_mps2)


def test_where_the_height_is_unknown_no_bend_is_taken_to_tip_it_whatever_else_is_known() -> None:
    robot = load_robot("scout")
    for design in (Design(), Design(half_track_m=0.2), Design(half_track_m=0.2, half_base_m=0.3)):
        found = body(robot.model_copy(update={"design": design}), rules("crate").payloads.values())
        assert firm(found, 0.1, 0.1, 1.5, True)[:2] > (500.0, 500.0)


@pytest.mark.parametrize(("mass_kg", "height_m"), [(0.0, 0.10), (0.01, 0.6), (1.0, 0.6)])
def test_a_load_counts_from_the_first_gram_and_none_at_all_does_not(mass_kg: float, height_m: float) -> None:
    robot = load_robot("scout")
    weightless = robot.model_copy(update={"design": robot.design.model_copy(update={"mass_kg": None})})
    assert body(weightless, [Payload(mass_kg=mass_kg, com_height_m=0.6)]).com_height_m == pytest.approx(height_m)


def test_a_mode_binds_while_it_is_on_and_who_drives_by_himself_is_bound_by_his_own() -> None:
    found = rules("crate", "indoors")
    assert (found.limits.max_speed_mps, found.limits.max_lateral_mps2) == (0.8, 1.0)
    assert found.by_source["teleop"].max_speed_mps == 0.7 and "autonomy" not in found.by_source
    book = compile_rules(found)
    nothing = Ranges(sort_points(book.hull, np.empty(0), np.empty(0)), NOBODY, False)
    robot = RobotState(0.8, 0.0, MapPose(20.0, 14.5, 0.0, 0.03))
    for source, speed in (("autonomy", 0.8), ("teleop", 0.7)):
        out = decide(Command(source, 2.0), robot, nothing, book, Memory(0.8, 0.0, 1.0), 1.1)
        assert out.v_mps == pytest.approx(speed)


@pytest.mark.parametrize(
    ("payload", "mode", "file", "names"),
    [
        ("piano", "", {}, ["payload 'piano'", "crate"]),
        ("", "swimming", {}, ["mode 'swimming'", "indoors"]),
        ("", "teleop", {}, ["mode 'teleop'", "indoors"]),
        ("", "", {"modes": {"x": {"max_speed_mps": 9.0}}}, ["modes.x.max_speed_mps", "robot 'scout'"]),
        ("", "", {"payloads": {"x": {"mass_kg": 16.0}}}, ["payloads.x.mass_kg", "robot 'scout'"]),
        ("", "", {"payloads": {"x": {"mass_kg": 1.0, "braking_mps2": 3.0}}}, ["payloads.x.braking_mps2"]),
        ("", "", {"payloads": {"x": {"mass_kg": 1.0, "yaw_braking_rps2": 5.0}}}, ["payloads.x.yaw_braking_rps2"]),
        ("", "", {"payloads": {"x": {"mass_kg": 1.0, "limits": {"max_speed_mps": 3.0}}}}, ["payloads.x.limits"]),
    ],
)
def test_what_is_unknown_or_would_loosen_a_limit_is_refused_by_name(
    payload: str, mode: str, file: dict[str, Any], names: list[str]
) -> None:
    with pytest.raises(RulesError) as caught:
        rules(payload, mode, **file)
    assert all(name in str(caught.value) for name in names)


def test_any_payload_and_mode_only_tighten() -> None:
    plain = rules(payloads={}, modes={})
    for payload in ("", "crate", "tank"):
        for mode in ("", "indoors"):
            found = rules(payload, mode)
            free, bound = plain.limits.model_dump(), found.limits.model_dump()
            assert all(bound[name] <= free[name] for name in free)
            assert found.file.stopping.braking_mps2 <= plain.file.stopping.braking_mps2


def test_a_file_finds_its_payload_by_the_name_of_the_parameter() -> None:
    with pytest.raises(RulesError, match="names no payload 'crate'"):
        load_rules("yard", "yard", "scout", "crate")


def test_a_centre_of_mass_without_its_support_is_refused() -> None:
    with pytest.raises(ValueError, match="half_track_m"):
        Design(com_height_m=0.3, half_base_m=0.2)
