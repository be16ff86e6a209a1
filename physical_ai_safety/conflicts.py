"""Rules that contradict each other, the site or the robot, found at load: each names both sides and the mend.

What is refused here would otherwise show in the field as a robot that stands for ever, or as a rule that somebody
believes in and that never holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from physical_ai_core.robot import MotionLimits, Robot
from physical_ai_core.site import Site
from physical_ai_safety.circumstances import PAYLOAD
from physical_ai_safety.contradiction import Conflict
from physical_ai_safety.rule_forms import SOURCES, Forbid, PlacedRule, Slope, SpeedLimit, When
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.space import Space


def find(file: RulesFile, site: Site, robot: Robot, limits: MotionLimits) -> list[Conflict]:
    """Every contradiction; `limits` are those of robot, site and file together. Names first: the rest needs them."""
    named = [*_names(file, site)]
    if named:
        return named
    return [*_numbers(file, site, robot, limits), *Space(file, site, robot).conflicts()]


def _names(file: RulesFile, site: Site) -> Iterator[Conflict]:
    """Ids that are given twice, and zones and gates that nobody knows."""
    for name, times in Counter(rule.id for rule in file.rules).items():
        if times > 1:
            yield Conflict(_say(name), _say(name), f"{times} rules have this id", "give each rule an id of its own")
        if name in site.zones:
            yield Conflict(
                _say(name), f"zone '{name}' of site '{site.name}'", "both have this name, and verdicts name them",
                "give the rule another id",
            )  # fmt: skip
    if PAYLOAD in file.gates:
        yield Conflict(
            f"gate '{PAYLOAD}'", "the status of that name on site/state", "this name says what the robot carries",
            "give the gate another name",
        )  # fmt: skip
    for rule in file.rules:
        if isinstance(rule, PlacedRule) and rule.zone is not None and rule.zone not in site.zones:
            yield Conflict(
                _say(rule.id), f"site '{site.name}'", f"the site has no zone '{rule.zone}'",
                f"name one of {sorted(site.zones)}, or give a polygon",
            )  # fmt: skip
        for mode in rule.when.modes or ():
            if mode not in SOURCES and mode not in file.modes:
                yield Conflict(
                    _say(rule.id), "the list `modes`", f"there is no mode '{mode}', so the rule would never hold",
                    f"name one of {[*SOURCES, *sorted(file.modes)]}",
                )  # fmt: skip
        for gate in rule.when.gates_closed or ():
            if gate not in file.gates:
                yield Conflict(
                    _say(rule.id), "the list `gates`", f"it has no gate '{gate}', so the rule could never be lifted",
                    f"name one of {sorted(file.gates)}, or add the gate to `gates`",
                )  # fmt: skip


def _numbers(file: RulesFile, site: Site, robot: Robot, limits: MotionLimits) -> Iterator[Conflict]:
    """Bounds that leave nothing between them, and rules that could never hold or never bind."""
    body, carries = f"robot '{robot.name}'", robot.design.max_payload_kg
    for rule in file.rules:
        if rule.when.hours and site.local.utc_offset_h is None:
            yield Conflict(
                _say(rule.id), f"site '{site.name}'", "the rule has hours, and the site keeps no time",
                "say what its clocks show by local.utc_offset_h, or leave the hours out",
            )  # fmt: skip
        over = rule.when.payload_over_kg
        if over is not None and carries is not None and over >= carries:
            yield Conflict(
                _say(rule.id), body, f"it carries at most {carries:g} kg, so a load over {over:g} kg never comes",
                "lower payload_over_kg",
            )  # fmt: skip
        if isinstance(rule, SpeedLimit):
            yield from _looser(rule, limits, f"{body} and site '{site.name}'")
        if isinstance(rule, Forbid) and "move" in rule.actions and not rule.placed and rule.when == When():
            yield Conflict(
                _say(rule.id), body, "nothing would ever move", "give the rule a place, hours, or a mode",
            )  # fmt: skip
        if isinstance(rule, Slope) and rule.max_slope_rad >= file.max_tilt_rad:
            yield Conflict(
                _say(rule.id), "max_tilt_rad",
                f"at {file.max_tilt_rad:g} rad of tilt the robot stands before it comes to {rule.max_slope_rad:g} rad",
                "lower max_slope_rad",
            )  # fmt: skip


def _looser(rule: SpeedLimit, limits: MotionLimits, owner: str) -> Iterator[Conflict]:
    for name in ("max_speed_mps", "max_reverse_mps", "max_yaw_rate_rps"):
        asked, allowed = getattr(rule, name), getattr(limits, name)
        if asked is not None and asked > allowed:
            yield Conflict(
                _say(rule.id), owner, f"{name} = {asked:g} is looser than what they allow ({allowed:g})",
                "rules may only tighten: lower the value, or leave the line out",
            )  # fmt: skip


def _say(name: str) -> str:
    return f"rule '{name}'"


def told(conflicts: list[Conflict]) -> tuple[str, str]:
    """Cause and mend in words: the first in full, the others after it."""
    first, *others = conflicts
    more = "".join(f" Also: {one.first} and {one.second}: {one.why}." for one in others)
    return f"{first.first} and {first.second} cannot both hold: {first.why}.{more}", f"Mend: {first.mend}."
