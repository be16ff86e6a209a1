"""Each part of a decision by itself: what it is asked, what it leaves, what is told of it and what is remembered."""

from __future__ import annotations

import math
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from physical_ai_core.reports import Intervention
from physical_ai_safety import gate
from physical_ai_safety.circumstances import UNKNOWN
from physical_ai_safety.clauses import Limit, ground
from physical_ai_safety.footprint import Contact, sort_points
from physical_ai_safety.gate import Decision, decide, stopped_by_fault
from physical_ai_safety.ladder import FREE, Latched
from physical_ai_safety.motion import REST, Motion
from physical_ai_safety.ranges import Ranges
from physical_ai_safety.rule_forms import RULE_KINDS
from physical_ai_safety.rules import load_rules
from physical_ai_safety.situation import Book, Command, Memory, RobotState, compile_rules
from physical_ai_safety.under_way import Base, Followed, Sent
from physical_ai_safety.walkers import NOBODY, Meeting
from physical_ai_safety.zones import Anchor, MapPose, ZoneLimit

HERE = RobotState(pose=MapPose(20.0, 14.5, 0.0, 0.03))
NUMBERS = dict.fromkeys(
    ("v_mps", "w_rps", "free_m", "speed_mps", "distance_m", "persons", "slope_rad", "tilt_rad", "left_s"), 0.5
)


@cache
def book() -> Book:
    return compile_rules(load_rules("yard", "yard", "scout"))


def book_with(stopping: dict[str, Any], **more: Any) -> Book:
    file = book().file
    return book()._replace(file=file.model_copy(update={"stopping": file.stopping.model_copy(update=stopping)}), **more)


@cache
def nothing() -> Ranges:
    return Ranges(sort_points(book().hull, np.empty(0), np.empty(0)), NOBODY, True)


def decided(
    v: float = 0.0, w: float = 0.0, memory: Memory = Memory(stamp_s=1.0), robot: RobotState = HERE,  # noqa: B008
    rules: Book | None = None, stamp_s: float = 1.0625, **command: Any,
) -> Decision:  # fmt: skip
    command.setdefault("source", "autonomy")
    asked = Command(v_mps=v, w_rps=w, **command)
    return decide(asked, robot, nothing(), rules or book(), memory, stamp_s)


def under(v: float, w: float = 0.0, **more: Any) -> Memory:
    """It drives as it is asked to, at a second of the clock; nothing that came before is under way any more."""
    return Memory(v, w, 1.0, drive_mps2=1.5, **more)


class Spy:
    """Stands in for a part of the gate: keeps what it is asked, and answers as it is told."""

    def __init__(self, patch: pytest.MonkeyPatch, name: str, *answers: Any) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._answers = answers
        patch.setattr(gate, name, self)

    def __call__(self, *given: Any) -> Any:
        self.asked.append(given)
        return self._answers[min(len(self.asked), len(self._answers)) - 1]


def notes(decision: Decision) -> list[tuple[str, str, dict[str, float]]]:
    return [(note.rule, note.clause, dict(note.numbers)) for note in decision.verdict.interventions]


# --- which rules stop, and how hard ---


@pytest.mark.parametrize(
    ("rule", "stops"),
    [
        *((rule, True) for rule in ("stability", "zone", "obstacle", "person", *RULE_KINDS)), ("limit", False),
        ("acceleration", False),
    ],
)  # fmt: skip
def test_who_is_left_no_motion_by_a_rule_stands_for_it_and_a_limit_is_no_stop(
    monkeypatch: pytest.MonkeyPatch, rule: str, stops: bool
) -> None:
    def upright(_motion: Motion, _robot: Any, _firm: Any, _limits: Any, told: list[Intervention]) -> Motion:
        told.append(Intervention(rule, "named", NUMBERS))
        return REST

    monkeypatch.setattr(gate, "upright", upright)
    out = decided(0.5, memory=under(0.5))
    assert (out.v_mps, out.w_rps) == (0.0, 0.0)
    assert (out.verdict.state, out.verdict.step) == (("protective_stop", 2) if stops else ("limited", 1))
    assert (out.memory.protective, out.memory.cause) == ((True, rule) if stops else (False, ""))


@pytest.mark.parametrize(
    ("command", "robot", "latched", "state", "step", "category"),
    [
        ({"v": 0.5}, {}, {}, "clear", 0, -1), ({"v": 5.0}, {}, {}, "limited", 1, -1),
        ({"source": "none"}, {}, {}, "waiting", 0, -1),
        ({"driver": "ann", "source": "teleop"}, {}, {}, "waiting", 0, -1),
        ({}, {"missing": ("scan",)}, {}, "waiting", 2, -1), ({}, {}, {"start": True}, "waiting", 2, -1),
        ({}, {"lifted": True}, {}, "protective_stop", 2, -1), ({}, {"bumper": True}, {}, "emergency_stop", 3, 1),
        ({}, {}, {"emergency": True}, "emergency_stop", 3, 1), ({}, {}, {"overrun": True}, "emergency_stop", 4, 0),
    ],
)  # fmt: skip
def test_each_state_has_its_step_of_the_ladder_and_its_category(
    command: dict[str, Any], robot: dict[str, Any], latched: dict[str, bool], state: str, step: int, category: int
) -> None:
    memory = under(command.get("v", 0.0))._replace(latched=Latched(**latched))
    out = decided(**command, memory=memory, robot=HERE._replace(**robot))
    assert (out.verdict.state, out.verdict.step, out.verdict.category) == (state, step, category)
    assert out.memory.latched == Latched(**latched, **({"bumper": True} if robot.get("bumper") else {}))


def test_a_fault_stands_in_a_protective_stop_of_its_own_name() -> None:
    out = stopped_by_fault("E: x", Command("teleop", 0.5), HERE, book(), under(0.5), 1.5)
    assert notes(out) == [("fault", "E: x", {})] and (out.v_mps, out.w_rps) == (0.0, 0.0)
    assert (out.verdict.step, out.memory.protective, out.memory.cause) == (2, True, "fault")


# --- the hold ---


@pytest.mark.parametrize(("stamp_s", "left_s"), [(0.25, 0.25), (0.5, 0.0), (0.75, 0.0)])
def test_a_hold_is_over_at_its_last_moment(stamp_s: float, left_s: float) -> None:
    stopped = Memory(stamp_s=0.0, protective=True, cause="lifted", clear_since_s=0.0)
    out = decided(0.5, memory=stopped, rules=book_with({"hold_s": 0.5}), stamp_s=stamp_s)
    if left_s > 0.0:
        assert notes(out) == [("hold", "lifted", {"left_s": left_s})] and out.v_mps == 0.0
        assert (out.memory.protective, out.memory.cause, out.memory.clear_since_s) == (True, "lifted", 0.0)
        assert out.verdict.state == "protective_stop"
    else:
        assert out.v_mps > 0.0 and (out.memory.protective, out.memory.cause) == (False, "")
        assert out.memory.clear_since_s is None and out.verdict.state in ("clear", "limited")


# --- a base that does not stop ---


@pytest.mark.parametrize(
    ("due_s", "overrun_s", "robot", "overruns"),
    [
        (1.0, 1.0, {"v_mps": 0.3}, True), (1.0, 1.0, {"w_rps": -0.4}, True), (1.0, 1.0, {"v_mps": 0.1}, False),
        (1.0625, 1.0, {"v_mps": 0.3}, False), (2.0, 1.0, {"v_mps": 0.3}, False), (None, 1.0, {"v_mps": 0.3}, False),
        (1.0, 0.0, {"v_mps": 0.3}, False), (1.0, 0.5, {"v_mps": 0.3}, True),
        (1.0, 1.0, {"v_mps": 0.3, "missing": ("scan",)}, False),
        (1.0, 1.0, {"v_mps": 0.3, "stale": (("wheel/odometry", 0.3),)}, False),
        (1.0, 1.0, {"v_mps": 0.3, "stale": (("scan", 0.3), ("wheel/odometry", 0.3))}, False),
        (1.0, 1.0, {"v_mps": 0.3, "stale": (("scan", 0.3),)}, True),
        (1.0, 1.0, {"v_mps": math.nan, "w_rps": math.inf}, False),
    ],
)  # fmt: skip
def test_the_base_overruns_where_it_moves_after_it_had_to_stand_and_its_speed_is_known(
    due_s: float | None, overrun_s: float, robot: dict[str, Any], overruns: bool
) -> None:
    memory = Memory(stamp_s=1.0, rest_due_s=due_s)
    out = decided(memory=memory, robot=HERE._replace(**robot), rules=book_with({"overrun_s": overrun_s}))
    assert out.memory.latched == (Latched(overrun=True) if overruns else FREE)
    assert (out.verdict.category == 0) is overruns


@pytest.mark.parametrize(
    ("v", "w", "moves"), [(1.0, 0.0, True), (0.0, 1.0, True), (-0.125, 0.0, True), (0.0, 0.0, False)]
)
def test_by_when_the_base_has_to_stand_is_fixed_at_the_first_word_without_motion(
    v: float, w: float, moves: bool
) -> None:
    robot = HERE._replace(v_mps=0.75, w_rps=0.5)
    due = decided(v, w, under(v, w, rest_due_s=9.0), robot).memory.rest_due_s
    assert due is None if moves else due == 9.0
    if not moves:
        first = decided(v, w, under(v, w), robot).memory.rest_due_s
        assert first == pytest.approx(1.0625 + 0.2 + 0.75 / 1.5 + 1.0)


# --- refused ---

BIG = 1.7e308  # two of these add up to no number


@pytest.mark.parametrize(("v", "w"), [(BIG, BIG), (math.nan, 0.0), (0.0, math.inf)])
def test_a_command_that_is_no_number_is_refused(v: float, w: float) -> None:
    assert notes(decided(v, w)) == [("refused_command", "autonomy: nan", {})]


# --- zones and clauses ---


@pytest.mark.parametrize("cause", ["zone", *RULE_KINDS])
def test_after_a_stop_by_a_rule_the_way_is_tried_at_speed_before_the_motion_itself(
    monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    stopped = Memory(stamp_s=1.0, protective=True, cause=cause, clear_since_s=0.0)
    ways = [((0.6, 0.3), (0.3, 0.15)), ((0.2, 0.1), (0.2, 0.1)), ((-0.6, 0.0), (-0.3, 0.0)), ((0.0, 1.0), (0.0, 1.0)),
            ((0.9, 0.0), (0.3, 0.0))]  # fmt: skip
    for asked, tried in ways:
        least = Spy(monkeypatch, "_least", Limit(0.05, "forbid", "a", {"way_m": 0.5}, "law"), None)
        out = decided(*asked, memory=stopped)
        assert least.asked[0][0] == pytest.approx(Motion(*tried))
        shut = abs(tried[0]) * 0.05 < 0.02 and abs(tried[1]) * 0.05 < 0.05
        if shut:
            assert (out.v_mps, out.w_rps) == (0.0, 0.0) and len(least.asked) == 1
            assert notes(out)[-1] == ("forbid", "a", {"v_mps": 0.0, "way_m": 0.5})
            assert out.verdict.interventions[-1].cites == "law" and out.memory.cause == "forbid"
        else:
            assert len(least.asked) == 2 and (out.v_mps, out.w_rps) != (0.0, 0.0)


def test_after_a_stop_what_is_left_at_speed_frees_the_motion_to_be_judged_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = Memory(stamp_s=1.0, protective=True, cause="zone", clear_since_s=0.0)
    least = Spy(monkeypatch, "_least", Limit(0.5, "zone", "bed"), Limit(0.25, "zone", "bed", {"way_m": math.inf}))
    out = decided(0.6, 0.0, stopped)
    (tried, *_), (motion, source, robot, around, rules, memory, stamp_s) = least.asked
    assert tried == pytest.approx(Motion(0.3, 0.0)) and 0.0 < motion.v_mps < 0.1
    assert (source, robot, around, stamp_s) == ("autonomy", HERE, UNKNOWN, 1.0625) and rules.file is book().file
    assert memory.anchor is not None and out.v_mps == 0.25 * motion.v_mps
    assert notes(out)[-1] == ("zone", "bed", {"v_mps": out.v_mps, "way_m": 0.0}), "JSON has no infinity"
    nothing_left = Spy(monkeypatch, "_least", None, None)
    assert decided(0.6, 0.0, stopped).v_mps == pytest.approx(motion.v_mps) and len(nothing_left.asked) == 2


@pytest.mark.parametrize(
    ("protective", "cause"), [(False, "zone"), (False, "forbid"), (True, "obstacle"), (True, "person"), (False, "")]
)
def test_without_a_stop_by_a_rule_the_motion_is_judged_once_as_it_is(
    monkeypatch: pytest.MonkeyPatch, protective: bool, cause: str
) -> None:
    least = Spy(monkeypatch, "_least", Limit(0.5, "speed", "a", {"limit_mps": 0.3}))
    out = decided(0.625, 0.0, under(0.625, protective=protective, cause=cause, clear_since_s=0.0))
    assert [given[0] for given in least.asked] == [Motion(0.625, 0.0)]
    assert out.v_mps == 0.3125 and notes(out) == [("speed", "a", {"v_mps": 0.3125, "limit_mps": 0.3})]


@pytest.mark.parametrize("factor", [None, 1.0, 1.5])
def test_a_rule_that_leaves_all_is_not_spoken_of(monkeypatch: pytest.MonkeyPatch, factor: float | None) -> None:
    Spy(monkeypatch, "_least", None if factor is None else Limit(factor, "speed", "a"))
    out = decided(0.625, 0.0, under(0.625))
    assert (out.v_mps, notes(out), out.verdict.state) == (0.625, [], "clear")


def test_who_asks_for_rest_is_judged_by_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    least = Spy(monkeypatch, "_least", Limit(0.0, "forbid", "a"))
    out = decided(0.0, 0.0, under(0.0))
    assert least.asked == [] and out.memory.anchor is None and out.verdict.state == "clear"


class Zones:
    """Stands in for the zones of a site: a way on which one of them leaves a share."""

    def __init__(self, found: ZoneLimit | None, needs_pose: bool = True) -> None:
        self.found, self.needs_pose, self.asked = found, needs_pose, list[tuple[Any, ...]]()

    def anchor(self, pose: MapPose, last: Anchor | None) -> Anchor:
        return last or Anchor(pose.x_m, pose.y_m, [])

    def way(self, *given: Any) -> Any:
        self.asked.append(given)
        return SimpleNamespace(site=lambda: self.found)


@pytest.mark.parametrize(
    ("zone", "ruled", "kind"),
    [
        (None, None, ""), (0.5, None, "zone"), (None, 0.5, "forbid"), (0.5, 0.5, "zone"), (0.5, 0.25, "forbid"),
        (0.25, 0.5, "zone"),
    ],
)  # fmt: skip
def test_of_zones_and_clauses_the_strictest_binds_and_of_equals_the_zone(
    monkeypatch: pytest.MonkeyPatch, zone: float | None, ruled: float | None, kind: str
) -> None:
    found = None if zone is None else ZoneLimit(zone, "bed", "slow", 0.75, 0.3)
    zones = Zones(found)
    clauses = Spy(monkeypatch, "strictest", None if ruled is None else Limit(ruled, "forbid", "a", {}, "law"))
    rules = book()._replace(zones=zones, clauses=("these",))  # type: ignore[arg-type]
    robot = HERE._replace(tilt_rad=0.125, roll_rad=0.0625, pitch_rad=-0.03125)
    out = decided(0.5, 0.25, under(0.5, 0.25), robot, rules, source="teleop")
    left = min(1.0 if zone is None else zone, 1.0 if ruled is None else ruled)
    assert (out.v_mps, out.w_rps) == (0.5 * left, 0.25 * left)
    told = {
        "zone": {"way_m": 0.75, "limit_mps": 0.3, "sigma_m": 0.03, "v_mps": out.v_mps},
        "forbid": {"v_mps": out.v_mps},
    }
    assert notes(out) == ([(kind, "bed" if kind == "zone" else "a", told[kind])] if kind else [])
    ((*asked, led),) = zones.asked
    assert asked == [HERE.pose, 0.5, 0.25, rules.braking, 0.2, out.memory.anchor]
    assert (led.motion, led.sent, led.now_s) == ((0.5, 0.25), under(0.5, 0.25).sent, 1.0625)
    ((given, motion, situation),) = clauses.asked
    assert (given, motion, situation.source, situation.before) == (("these",), (0.5, 0.25), "teleop", (0.5, 0.25))
    assert situation.slowing_mps == 2.5 * 0.0625 and situation.way is not None and situation.escape_mps == 0.2
    assert (situation.slope_rad, situation.nose_down_rad) == ground(0.125, 0.0625, -0.03125)
    assert situation.circumstances is UNKNOWN


def test_where_no_zones_are_no_place_is_kept_and_none_is_looked_at() -> None:
    zones = Zones(ZoneLimit(0.0, "bed", "slow", 0.0, 0.0), needs_pose=False)
    rules = book()._replace(zones=zones)  # type: ignore[arg-type]
    out = decided(0.5, 0.0, under(0.5), rules=rules)
    assert out.memory.anchor is None and zones.asked == [] and out.v_mps == 0.5
    lost = HERE._replace(pose=None)
    kept = decided(0.5, 0.0, under(0.5, anchor=Anchor(1.0, 2.0, [])), lost, rules)
    assert zones.asked == [] and kept.v_mps == 0.5


# --- what is in the way ---


@pytest.mark.parametrize(
    ("protective", "cause", "margin_m"),
    [(True, "obstacle", 0.35), (False, "obstacle", 0.1), (True, "person", 0.1), (False, "", 0.1)],
)
def test_an_obstacle_leaves_its_share_is_told_with_its_place_and_needs_more_room_after_a_stop(
    monkeypatch: pytest.MonkeyPatch, protective: bool, cause: str, margin_m: float
) -> None:
    contact = Spy(monkeypatch, "first_contact", Contact(0.5, 0.75, 1.5, -0.25))
    memory = under(0.5, 0.25, protective=protective, cause=cause, clear_since_s=0.0)
    out = decided(0.5, 0.25, memory, rules=book_with({"resume_extra_m": 0.25}))
    assert (out.v_mps, out.w_rps) == (0.25, 0.125)
    assert notes(out) == [("obstacle", "stop distance", {"free_m": 0.75, "x_m": 1.5, "y_m": -0.25, "v_mps": 0.25})]
    ((hull, near, v, w, braking),) = contact.asked
    assert hull is book().hull and near is nothing().near and (v, w) == (0.5, 0.25)
    assert braking[:3] == book().braking[:3] and braking.margin_m == pytest.approx(margin_m)


@pytest.mark.parametrize(
    ("share", "left_m", "told"), [(0.5, 0.25, 0.25), (0.5, -0.25, 0.0), (0.99, 0.5, 0.5), (1.0, 0.5, None)]
)
def test_what_a_stop_from_here_would_not_clear_is_told_as_under_way(
    monkeypatch: pytest.MonkeyPatch, share: float, left_m: float, told: float | None
) -> None:
    Spy(monkeypatch, "first_contact", Contact(1.0, 0.75, 1.5, -0.25))
    followed = Spy(monkeypatch, "share_that_rests", Followed(share, left_m))
    robot = HERE._replace(v_mps=0.375, w_rps=math.nan, place_age_s=0.125)
    monkeypatch.setattr(gate, "_must_stand", lambda *_: None)
    memory = under(0.5, 0.25, sent=(Sent(0.9, 0.5, 0.25),))
    monkeypatch.setattr(gate, "remember", lambda *_: ())
    out = decided(0.5, 0.25, memory, robot)
    assert (out.v_mps, out.w_rps) == pytest.approx((0.5 * share, 0.25 * share))
    assert notes(out) == ([] if told is None else [("obstacle", "under way", {"free_m": told, "v_mps": out.v_mps})])
    ((hull, near, led),) = followed.asked
    motion, base, sent, stamp_s = led.motion, led.base, led.sent, led.now_s
    assert (
        hull is book().hull and near is nothing().near and (motion, sent, stamp_s) == ((0.5, 0.25), memory.sent, 1.0625)
    )
    assert base == Base(0.375, 0.0, 0.06, 0.125, book().braking, 1.5, 4.0)


@pytest.mark.parametrize(
    ("protective", "cause", "asked", "tried", "out_v"),
    [
        (False, "", 0.6, (0.6, 0.3), 0.3), (False, "person", 0.6, (0.6, 0.3), 0.3),
        (True, "obstacle", 0.6, (0.6, 0.3), 0.3),
        (True, "person", 0.6, (0.3, 0.15), 0.0), (True, "person", 0.2, (0.2, 0.3), 0.0),
        (True, "person", 0.0, (0.0, 0.3), 0.0),
    ],
)  # fmt: skip
def test_someone_who_comes_leaves_a_share_and_after_a_stop_for_them_the_way_is_tried_at_a_walk(
    monkeypatch: pytest.MonkeyPatch,
    protective: bool,
    cause: str,
    asked: float,
    tried: tuple[float, float],
    out_v: float,
) -> None:
    found = Spy(monkeypatch, "meeting", Meeting(0.5, 2.0, 1.25, 3.0))
    memory = under(asked, 0.3, protective=protective, cause=cause, clear_since_s=0.0)
    out = decided(asked, 0.3, memory)
    assert out.v_mps == pytest.approx(out_v)
    hull, walkers, v, w, braking, rest_s, spread = found.asked[0]
    assert hull is book().hull and walkers is NOBODY and (v, w) == pytest.approx(tried)
    assert (braking, rest_s, spread) == (book().braking, 0.6, 0.2)
    expected = {"distance_m": 2.0, "speed_mps": 1.25, "contact_s": 3.0, "v_mps": pytest.approx(out_v)}
    assert notes(out)[0] == ("person", "approach", expected)
    Spy(monkeypatch, "meeting", Meeting(1.0))
    assert decided(asked, 0.3, memory._replace(clear_since_s=-9.0)).v_mps == pytest.approx(asked)


# --- controlled stops ---


@pytest.mark.parametrize(
    ("robot", "command", "memory", "left"),
    [
        ({}, {"lost": True}, {}, 0.5 - 1.5 * 0.0625), ({"absent": ("planner",)}, {}, {}, 0.5 - 1.5 * 0.0625),
        ({"tilt_rad": 0.4}, {}, {}, 0.5 - 1.5 * 0.0625), ({"tilt_rad": math.nan}, {}, {}, 0.0),
        ({"absent": ("planner",), "stale": (("scan", 0.4),)}, {}, {}, 0.0),
        ({"absent": ("planner",), "v_mps": math.nan}, {}, {}, 0.0), ({"lifted": True}, {}, {}, 0.0),
        ({}, {"lost": True}, {"v_mps": -0.25}, -0.25 + 1.5 * 0.0625), ({}, {"lost": True}, {"v_mps": 0.09}, 0.0),
        ({}, {"lost": True}, {"v_mps": 0.1}, 0.0),  # what is left is less than creeping
        ({}, {"lost": True}, {"stamp_s": 1.0625}, 0.5 - 1.5 * 0.002),
        ({}, {"lost": True}, {"stamp_s": None}, 0.5 - 1.5 * 0.002),
    ],
)  # fmt: skip
def test_a_controlled_stop_is_a_ramp_at_the_braking_values_and_without_sight_it_is_zero_at_once(
    robot: dict[str, Any], command: dict[str, Any], memory: dict[str, Any], left: float
) -> None:
    out = decided(0.5, memory=under(0.5)._replace(**memory), robot=HERE._replace(**robot), **command)
    assert out.v_mps == pytest.approx(left) and out.verdict.state == "protective_stop"
    if left:
        turning = under(0.5, 0.25)._replace(**memory)
        bent = decided(0.5, memory=turning, robot=HERE._replace(**robot), **command)
        assert bent.w_rps == pytest.approx(0.25 * left / turning.v_mps)


def test_on_the_ramp_of_a_controlled_stop_nothing_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    contact = Spy(monkeypatch, "first_contact", Contact(0.5, 0.75, 1.5, -0.25))
    out = decided(0.5, memory=under(0.5), lost=True)
    assert out.v_mps == pytest.approx(0.5 * (0.5 - 1.5 * 0.0625)) and len(contact.asked) == 1
    assert [rule for rule, *_ in notes(out)] == ["stale_command"], "the cause is what is told"
    Spy(monkeypatch, "meeting", Meeting(0.5))
    assert decided(0.5, memory=under(0.5), lost=True).v_mps == pytest.approx(0.25 * (0.5 - 1.5 * 0.0625))


def test_a_ramp_goes_on_while_the_hold_of_its_stop_lasts() -> None:
    stopped = under(0.5, protective=True, cause="stale_command")
    assert decided(0.5, memory=stopped).v_mps == pytest.approx(0.5 - 1.5 * 0.0625)
    assert decided(0.5, memory=stopped._replace(cause="lifted")).v_mps == 0.0


# --- what is remembered ---


def test_what_was_sent_is_remembered_for_twice_the_lateness_and_the_age_of_the_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    earlier, all_of_it = (Sent(0.9, 0.5, 0.25),), (Sent(1.0625, 0.5, 0.25),)
    kept = Spy(monkeypatch, "remember", all_of_it)
    out = decided(0.5, 0.25, under(0.5, 0.25, sent=earlier))
    ((sent, stamp_s, v, w, keep_s),) = kept.asked
    assert (sent, stamp_s, v, w) == (earlier, 1.0625, 0.5, 0.25) and keep_s == pytest.approx(2.0 * 0.06 + 0.25)
    assert out.memory.sent is all_of_it and out.memory.stamp_s == 1.0625 and out.memory[:2] == (0.5, 0.25)


def test_how_hard_it_speeds_up_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = Spy(monkeypatch, "drive_after", 0.875)
    out = decided(0.5, memory=under(0.375))
    assert out.memory.drive_mps2 == 0.875 and drive.asked == [(0.375, out.v_mps, 1.5, 0.0625)]
