"""The hour, the site's gates and the load: what is not surely known counts as the worse case."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from gate_world import Drive, World
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_cli.documents import rules_schema
from physical_ai_core import messages as m
from physical_ai_core.share import share_path
from physical_ai_safety.circumstances import FIRST_WALL_S, SiteState, wall
from physical_ai_safety.core import GateCore
from physical_ai_safety.parameters import GateParameters
from physical_ai_safety.rule_forms import RULE_KINDS
from physical_ai_safety.rules import load_rules
from physical_ai_safety.words import TEXT

MONDAY_S = 1_767_571_200.0  # 2026-01-05 00:00 UTC


# --- the clock on the wall ---


def test_the_hour_is_that_of_the_sites_clocks() -> None:
    assert wall(MONDAY_S, 0.0) == (0.0, 0)
    assert wall(MONDAY_S + 3600.0, 9.0) == (36_000.0, 0)
    assert wall(MONDAY_S, -1.0) == (82_800.0, 6)


@pytest.mark.parametrize("unix_s", [0.0, FIRST_WALL_S - 1.0, math.nan, math.inf, -math.inf])
def test_a_clock_that_was_never_set_says_no_hour(unix_s: float) -> None:
    assert wall(unix_s, 9.0) == (None, None)


def test_the_first_hour_that_is_believed_is_in_september_2020() -> None:
    assert wall(1.6e9, 0.0) == (12 * 3600.0 + 26 * 60.0 + 40.0, 6)
    assert wall(math.nextafter(1.6e9, 0.0), 0.0) == (None, None)


def test_a_site_without_an_offset_says_no_hour() -> None:
    assert wall(MONDAY_S, None) == (None, None) and wall(FIRST_WALL_S, 0.0) != (None, None)


@settings(max_examples=100, deadline=None)
@given(st.floats(FIRST_WALL_S + 1e5, 4e9), st.integers(-12, 14))
def test_it_agrees_with_the_calendar(unix_s: float, offset_h: int) -> None:
    local = datetime.fromtimestamp(unix_s, timezone(timedelta(hours=offset_h)))
    day_s, weekday = wall(unix_s, float(offset_h))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    assert day_s is not None and weekday == local.weekday()
    assert day_s == pytest.approx((local - midnight).total_seconds(), abs=1e-3)


# --- gates and load ---


def said(*things: tuple[str, dict[str, str]], level: int = 0) -> m.Diagnostics:
    return m.Diagnostics(0.0, tuple(m.Status(level, name, "", values) for name, values in things))


OPEN = ("north", {"open": "true"})


def test_a_gate_is_open_only_while_it_is_freshly_said_to_be() -> None:
    site = SiteState(("north", "south"), 3.0)
    assert site.open_gates(0.0) == frozenset()
    site.take(said(OPEN, ("south", {"open": "false"})), 10.0)
    assert site.open_gates(10.0) == site.open_gates(13.0) == {"north"} and site.open_gates(13.01) == frozenset()


@pytest.mark.parametrize("values", [{"open": "false"}, {"open": "True"}, {"open": "yes"}, {"open": ""}, {}])
def test_anything_but_a_plain_true_closes_it(values: dict[str, str]) -> None:
    site = SiteState(("north",), 3.0)
    site.take(said(OPEN), 10.0)
    site.take(said(("north", values)), 10.1)
    assert site.open_gates(10.2) == frozenset()


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_contact_that_knows_itself_faulty_opens_nothing(level: int) -> None:
    site = SiteState(("north",), 3.0)
    site.take(said(OPEN, ("payload", {"kg": "1"}), level=level), 10.0)
    assert site.open_gates(10.0) == frozenset() and site.payload_kg(10.0) is None


def test_older_news_changes_nothing_and_strangers_are_no_gates() -> None:
    site = SiteState(("north",), 3.0)
    site.take(said(("north", {"open": "false"}), ("payload", {"kg": "9"})), 10.0)
    site.take(said(OPEN, ("west", {"open": "true"}), ("payload", {"kg": "1"})), 9.9)
    assert site.open_gates(10.0) == frozenset() and site.payload_kg(10.0) == 9.0
    site.take(said(OPEN), 10.0)
    assert site.open_gates(10.0) == {"north"}
    site.take(said(("payload", {"kg": "4"})), 10.0)
    assert site.payload_kg(10.0) == 4.0, "of two words of one moment the later one counts"
    site.forget()
    assert site.open_gates(10.0) == frozenset() and site.payload_kg(10.0) is None
    site.take(said(OPEN, ("payload", {"kg": "2"})), 1.0)
    assert site.open_gates(1.0) == {"north"} and site.payload_kg(1.0) == 2.0, "the clock of before counts no more"


@pytest.mark.parametrize(
    ("kg", "known"),
    [("0", 0.0), ("12.5", 12.5), ("-1", None), ("nan", None), ("inf", None), ("heavy", None), ("", None)],
)
def test_a_load_is_a_number_or_unknown(kg: str, known: float | None) -> None:
    site = SiteState((), 3.0)
    site.take(said(("payload", {"kg": kg})), 10.0)
    assert site.payload_kg(13.0) == known and site.payload_kg(13.01) is None
    site.take(said(("payload", {})), 11.0)
    assert site.payload_kg(11.0) is None


# --- over the whole gate ---


def gate_with(tmp_path: Path, *rules: dict[str, Any], **parameters: Any) -> GateCore:
    basis = {"clause": "site order 1", "hazard": "none, this is a test"}
    path = tmp_path / "rules.yaml"
    content = {"name": "test", "gates": ["north"], "rules": [{**basis, **rule} for rule in rules]}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return GateCore(GateParameters(rules=str(path), **parameters))


SHUT = {"id": "shut", "kind": "keep_out", "polygon": [[22, 12], [23, 12], [23, 17], [22, 17]]}


def test_the_robot_waits_before_a_gate_drives_when_it_opens_and_stops_when_it_falls_silent(tmp_path: Path) -> None:
    drive = Drive(World(y=14.5), gate_with(tmp_path, {**SHUT, "when": {"gates_closed": ["north"]}}))
    drive.run(4.0, 0.6)
    assert drive.world.v == 0.0 and 21.3 < drive.world.x < 21.75
    verdict = drive.gate.verdict
    assert verdict is not None and (verdict.interventions[-1].rule, verdict.interventions[-1].clause) == (
        "keep_out",
        "shut",
    )
    assert verdict.rules == drive.gate.rules.hash

    def reports(world: World) -> None:
        drive.gate.handle("site/state", said(OPEN), world.t)

    drive.run(1.5, 0.6, each=reports)
    assert drive.world.v > 0.3
    drive.world.x = 18.0  # somebody carries it back: the gate has been silent for too long by then
    drive.run(7.0, 0.6)
    assert drive.world.v == 0.0 and drive.world.x < 21.75


def test_news_of_the_future_or_without_a_time_opens_nothing(tmp_path: Path) -> None:
    gate = gate_with(tmp_path, {**SHUT, "when": {"gates_closed": ["north"]}})
    gate.tick(100.0)
    for stamp_s in (100.3, math.nan, math.inf):
        gate.handle("site/state", said(OPEN), stamp_s)
        assert gate.hearing.site_state.open_gates(100.0) == frozenset()
    assert gate.health().values["refused"] == "3"
    gate.handle("site/state", said(OPEN), 100.1)
    assert gate.hearing.site_state.open_gates(100.0) == {"north"}
    gate.tick(10.0)  # the clock jumps
    assert gate.hearing.site_state.open_gates(10.0) == frozenset()


@pytest.mark.parametrize(("hour", "passes"), [(12.0, True), (23.0, False)])
def test_a_rule_of_the_night_goes_by_stamps_and_offset(tmp_path: Path, hour: float, passes: bool) -> None:
    night = {**SHUT, "when": {"hours": [{"from": "22:00", "until": "06:00"}]}}
    offset_s = MONDAY_S + 3600.0 * (hour - 9.0) - 100.0  # the world's clock begins at 100 s, the site is at UTC+9
    drive = Drive(World(y=14.5), gate_with(tmp_path, night, wall_offset_s=offset_s))
    drive.run(4.0, 0.6)
    assert (drive.world.x > 22.0) is passes


def test_a_load_that_is_named_weighs_at_least_what_the_rules_say_of_it(tmp_path: Path) -> None:
    heavy = {"id": "heavy", "kind": "speed", "max_speed_mps": 0.3, "when": {"payload_over_kg": 5.0}}
    basis = {"clause": "site order 1", "hazard": "none, this is a test"}
    path = tmp_path / "loads.yaml"
    loads = {"box": {"mass_kg": 2.0}, "pump": {"mass_kg": 9.0}}
    path.write_text(yaml.safe_dump({"name": "t", "payloads": loads, "rules": [heavy | basis]}), encoding="utf-8")
    for payload, said_kg, speed in (("box", None, 0.6), ("pump", None, 0.3), ("box", "9", 0.3), ("pump", "1", 0.3)):
        drive = Drive(World(y=14.5), GateCore(GateParameters(rules=str(path), payload=payload)))

        def reports(world: World, drive: Drive = drive, kg: str | None = said_kg) -> None:
            if kg is not None:
                drive.gate.handle("site/state", said(("payload", {"kg": kg})), world.t)

        drive.run(2.0, 0.6, each=reports)
        assert drive.world.v == pytest.approx(speed, abs=0.02), (payload, said_kg)


def test_a_rule_about_the_slope_needs_to_hear_how_the_robot_leans(tmp_path: Path) -> None:
    steep = {"id": "steep", "kind": "slope", "max_slope_rad": 0.2}
    drive = Drive(World(y=14.5), gate_with(tmp_path, steep))
    drive.run(0.5, 0.6)
    assert drive.gate.verdict is not None and drive.gate.verdict.state == "waiting" and "imu" in drive.gate.verdict.en


# --- the example, and what editors read ---


def test_the_example_holds_every_kind_of_rule_and_each_has_its_words() -> None:
    rules = load_rules("yard_full", "yard", "scout").file.rules
    assert {rule.kind for rule in rules} == set(RULE_KINDS) and set(RULE_KINDS) <= set(TEXT)


def test_the_example_says_what_editors_check_it_by() -> None:
    text = (share_path("config/rules") / "yard_full.yaml").read_text(encoding="utf-8")
    named = text.splitlines()[0].split("$schema=")[1]
    assert (share_path("config/rules") / named).resolve() == Path("docs/rules.schema.json").resolve()
    assert '"additionalProperties": false' in rules_schema() and '"keep_out"' in rules_schema()
