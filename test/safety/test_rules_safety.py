"""Rules files: they only tighten, and every contradiction is refused naming both sides."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
import yaml

from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site
from physical_ai_safety.rules import Rules, RulesError, combine, load_rules
from physical_ai_safety.schema import RulesFile


def written(tmp_path: Path, **content: object) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"name": "test", **content}), encoding="utf-8")
    return str(path)


def test_the_rules_that_come_with_the_package_load_and_tighten() -> None:
    rules = load_rules("yard", "yard", "scout")
    assert rules.limits.max_speed_mps == 1.5 and len(rules.hash) == 12


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"limits": {"max_speed_mps": 3.0}}, ["limits.max_speed_mps", "scout"]),
        ({"stopping": {"braking_mps2": 9.0}}, ["stopping.braking_mps2", "scout"]),
        ({"stopping": {"yaw_braking_rps2": 9.0}}, ["stopping.yaw_braking_rps2", "scout"]),
        ({"zones": {"loading_bay": {"max_speed_mps": 1.2}}}, ["loading_bay", "yard", "0.8"]),
        ({"zones": {"flower_bed": {"max_speed_mps": 0.2}}}, ["flower_bed", "no speed or work zone"]),
        ({"zones": {"moon": {"max_speed_mps": 0.2}}}, ["moon", "yard"]),
        ({"limits": {"max_speed": 1.0}}, ["limits.max_speed"]),
        ({"limits": {"max_speed_mps": float("nan")}}, ["limits.max_speed_mps"]),
        ({"schema_version": 2}, ["schema_version 1"]),
    ],
)
def test_a_rule_that_loosens_or_is_unknown_is_refused_by_name(
    tmp_path: Path, content: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(RulesError) as caught:
        load_rules(written(tmp_path, **content), "yard", "scout")
    assert all(word in str(caught.value) for word in words)


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="cannot be read"):
        load_rules(str(tmp_path / "none.yaml"), "yard", "scout")
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [", encoding="utf-8")
    with pytest.raises(RulesError, match="cannot be read"):
        load_rules(str(bad), "yard", "scout")


def test_the_hash_changes_with_anything_that_decides(tmp_path: Path) -> None:
    one = load_rules(written(tmp_path), "yard", "scout")
    other = load_rules(written(tmp_path, limits={"max_speed_mps": 1.0}), "yard", "scout")
    assert one.hash != other.hash and other.limits.max_speed_mps == 1.0


def test_a_work_zone_that_the_site_leaves_free_may_be_given_a_speed(tmp_path: Path) -> None:
    rules = load_rules(written(tmp_path, zones={"meadow": {"max_speed_mps": 0.5}}), "yard", "scout")
    assert rules.file.zones["meadow"].max_speed_mps == 0.5


def test_a_file_may_end_in_yml_too_and_any_other_name_is_one_of_the_package(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text("name: short\n", encoding="utf-8")
    assert load_rules(str(path), "yard", "scout").name == "short"
    with pytest.raises(RulesError, match=r"config/rules/rules\.json\.yaml cannot be read"):
        load_rules("rules.json", "yard", "scout")


@pytest.mark.parametrize(
    ("stopping", "cause"),
    [
        ({"braking_mps2": 9.0}, "stopping.braking_mps2 = 9 is looser than what robot 'scout' allows (2.5)."),
        ({"yaw_braking_rps2": 9.0}, "stopping.yaw_braking_rps2 = 9 is looser than what robot 'scout' allows (4)."),
    ],
)  # fmt: skip
def test_braking_harder_than_the_robot_can_is_refused_with_both_numbers(stopping: dict[str, float], cause: str) -> None:
    with pytest.raises(RulesError) as caught:
        combine(
            RulesFile.model_validate({"name": "test", "stopping": stopping}), load_site("yard"), load_robot("scout")
        )
    assert caught.value.cause == f"The rule {cause}"
    assert caught.value.mend == "Rules may only tighten: lower the value, or leave the line out."


def test_a_load_that_says_nothing_of_braking_is_never_looser_however_weak_the_robots_brakes() -> None:
    robot = load_robot("scout")
    weak = {"max_deceleration_mps2": 0.75, "max_yaw_acceleration_rps2": 0.5}
    robot = robot.model_copy(update={"limits": robot.limits.model_copy(update=weak)})
    file = RulesFile.model_validate({
        "name": "test", "stopping": {"braking_mps2": 0.5, "yaw_braking_rps2": 0.5},
        "payloads": {"crate": {"mass_kg": 5.0}},
    })  # fmt: skip
    assert list(combine(file, load_site("yard"), robot, "crate").payloads) == ["crate"]


def test_the_hash_is_of_the_plain_form_of_all_that_decides_so_that_two_machines_agree() -> None:
    rules = load_rules("yard", "yard", "scout")
    plain = [part.model_dump(mode="json") for part in (rules.file, rules.site, rules.robot)]
    assert rules.hash == hashlib.sha256(repr([*plain, "", ""]).encode()).hexdigest()[:12]
    with pytest.raises(FrozenInstanceError):
        rules.hash = ""  # type: ignore[misc]
    assert Rules("test", "0", rules.limits, rules.file, rules.robot, rules.site).mode == ""
