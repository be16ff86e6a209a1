"""Contradictory and impossible sets of rules: refused when they are loaded, with both sides and the mend named."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from pydantic import ValidationError
from rule_sets import BASIS, DAYTIME, NIGHT, POCKET, YARD, box, loaded, named, refused, rule

from physical_ai_core.robot import load_robot
from physical_ai_core.site import Site, load_site
from physical_ai_safety.conflicts import told
from physical_ai_safety.contradiction import Conflict
from physical_ai_safety.rule_forms import KeepOut
from physical_ai_safety.schema import RulesFile

# --- room ---


def test_a_fence_and_a_keep_out_area_that_leave_nothing_are_both_named() -> None:
    text = refused(
        rule("fence", "geofence", polygon=box(1, 1, 10, 10)), rule("bed", "keep_out", polygon=box(0, 0, 11, 11))
    )
    assert named(text, "rule 'bed' and rule 'fence'", "leave no place where the robot fits")


def test_what_is_left_must_be_wide_enough_to_stand_in() -> None:
    fence = rule("fence", "geofence", polygon=box(1, 3, 9, 5))
    assert named(
        refused(fence, rule("bed", "keep_out", polygon=box(1.5, 2.9, 9.1, 5.1))), "rule 'bed' and rule 'fence'"
    )
    assert loaded(fence, rule("bed", "keep_out", polygon=box(3.4, 2.9, 9.1, 5.1)))


def test_two_fences_apart_and_a_fence_too_small_for_the_robot_are_refused() -> None:
    apart = refused(
        rule("west", "geofence", polygon=box(1, 1, 10, 10)), rule("east", "geofence", polygon=box(20, 1, 30, 10))
    )
    assert named(apart, "rule 'east' and rule 'west'")
    assert named(
        refused(rule("spot", "geofence", polygon=box(2.3, 3.8, 2.6, 4.2)), site=load_site("crossing")),
        "rule 'spot' and robot 'scout'",
    )


def test_the_sites_own_fence_counts_too() -> None:
    assert named(refused(rule("all", "keep_out", polygon=box(-1, -1, 50, 50))), "rule 'all'", "zone 'yard_limits'")
    assert named(refused(rule("away", "geofence", polygon=box(50, 50, 60, 60))), "rule 'away'", "zone 'yard_limits'")


def test_of_many_rules_the_two_are_named_that_leave_no_room() -> None:
    text = refused(
        rule("one", "keep_out", polygon=box(13, 12, 14, 13)), rule("fence", "geofence", polygon=box(2, 3, 9, 9)),
        rule("two", "keep_out", polygon=box(30, 12, 31, 13)), rule("bed", "keep_out", polygon=box(1, 1, 10, 10)),
    )  # fmt: skip
    assert named(text.split(":")[0], "rule 'bed'", "rule 'fence'") and "'one'" not in text and "'two'" not in text


def test_the_hour_without_room_is_named_and_other_hours_are_no_excuse() -> None:
    text = refused(
        rule("fence", "geofence", polygon=box(1, 1, 10, 10)),
        rule("night", "keep_out", polygon=box(0, 0, 11, 11), when={"hours": [{"from": "21:30", "days": ["wed"]}]}),
    )
    assert named(text, "rule 'night'", "rule 'fence'", "on wed 21:30", "actions: [move]")


def test_areas_of_different_hours_or_drivers_do_not_add_up() -> None:
    west, east = box(0, 0, 20, 24), box(19.5, 0, 40, 24)
    assert named(
        refused(rule("a", "keep_out", polygon=west, when=NIGHT), rule("b", "keep_out", polygon=east, when=NIGHT)),
        "rule 'a'", "rule 'b'",
    )  # fmt: skip
    assert loaded(rule("a", "keep_out", polygon=west, when=NIGHT), rule("b", "keep_out", polygon=east, when=DAYTIME))
    by_hand = {"modes": ["teleop"]}
    assert loaded(rule("a", "keep_out", polygon=west, when=NIGHT), rule("b", "keep_out", polygon=east, when=by_hand))


def test_standing_through_the_night_is_no_contradiction() -> None:
    assert loaded(rule("rest", "forbid", polygon=YARD, actions=["move"], when=NIGHT))
    assert loaded(rule("rest", "forbid", actions=["move"], when=NIGHT))
    assert named(
        refused(rule("rest", "forbid", actions=["move"])), "rule 'rest'", "robot 'scout'", "nothing would ever"
    )


# --- places, and areas that are opened in vain ---


def test_a_rule_may_not_shut_a_place_of_the_site() -> None:
    assert named(refused(rule("a", "keep_out", polygon=box(20, 16, 22, 18))), "rule 'a'", "place 'shelves'", "is sent")
    text = refused(rule("a", "geofence", polygon=box(10, 10, 20, 20)))
    assert named(text, "rule 'a'", "place 'charger'", "starts") and "shelves" not in text
    assert loaded(rule("a", "keep_out", polygon=box(20, 16, 22, 18), when=NIGHT))


@pytest.mark.parametrize(
    "opened", [rule("bay", "approval", polygon=box(15, 13, 17, 15)),
               rule("bay", "keep_out", polygon=box(15, 13, 17, 15), when={"gates_closed": ["north"]})],
)  # fmt: skip
def test_an_area_that_may_be_opened_must_not_lie_in_one_that_never_is(opened: dict[str, Any]) -> None:
    text = refused(opened, rule("bed", "keep_out", polygon=POCKET))
    assert named(text, "rule 'bay'", "rule 'bed'", "never comes")
    assert loaded(opened, rule("bed", "keep_out", polygon=POCKET, when={"gates_closed": ["north"]}))
    assert loaded(opened, rule("bed", "keep_out", polygon=box(15, 13, 16, 15)))
    assert named(refused(rule("bay", "approval", zone="flower_bed")), "rule 'bay'", "zone 'flower_bed'")
    assert named(refused(rule("bay", "approval", polygon=box(50, 13, 52, 15))), "rule 'bay'", "zone 'yard_limits'")


# --- ways out ---


def test_two_neighbours_that_the_clock_shuts_must_not_lock_the_robot_between_them() -> None:
    one, two = box(14, 12, 16, 15), box(16, 12, 18, 15)
    text = refused(rule("one", "keep_out", polygon=one, when=NIGHT), rule("two", "keep_out", polygon=two, when=NIGHT))
    assert named(text, "rule 'one'", "rule 'two'", "way out in the other", "make one area of both")
    assert loaded(rule("one", "keep_out", polygon=one, when=NIGHT), rule("two", "keep_out", polygon=two, when=DAYTIME))
    assert named(
        refused(rule("one", "keep_out", polygon=one, when=NIGHT), rule("two", "keep_out", polygon=two)), "'two'"
    )
    assert loaded(
        rule("one", "keep_out", polygon=one, when=NIGHT), rule("b", "keep_out", polygon=box(16.5, 12, 18, 15))
    )


def test_an_area_against_the_fence_of_the_site_is_left_on_its_other_sides() -> None:
    assert loaded(rule("edge", "keep_out", polygon=box(14, 20, 18, 23.7), when=NIGHT))


def test_an_area_that_fills_a_niche_of_the_site_has_no_way_out() -> None:
    content = load_site("yard").model_dump(mode="json")
    for k, (x0, y0, x1, y1) in enumerate([(13, 12, 14, 17), (18, 12, 19, 17), (13, 16, 19, 17), (13, 11, 17.7, 12)]):
        content["zones"][f"wall_{k}"] = {"kind": "keep_out", "polygon": box(x0, y0, x1, y1)}
    niche = rule("niche", "keep_out", polygon=box(14, 12, 18, 16), when=NIGHT)
    text = refused(niche, site=Site.model_validate(content))
    assert named(text, "rule 'niche'", "zone 'wall_", "no way out")
    del content["zones"]["wall_1"]
    assert loaded(niche, site=Site.model_validate(content))


def test_an_area_wholly_outside_of_the_fence_holds_nobody() -> None:
    assert loaded(rule("far", "keep_out", polygon=box(50, 50, 52, 52), when=NIGHT))


def test_where_neither_reversing_nor_turning_is_allowed_the_way_must_lead_through() -> None:
    walls = [
        rule("south", "keep_out", polygon=box(14, 12, 19, 12.5)),
        rule("north", "keep_out", polygon=box(14, 14, 19, 14.5)),
    ]  # fmt: skip
    end = rule("end", "keep_out", polygon=box(18.5, 12.5, 19, 14))
    lane = box(14, 12.5, 18.5, 14)
    assert loaded(*walls, rule("lane", "forbid", polygon=lane, actions=["reverse", "turn"]))
    text = refused(*walls, end, rule("lane", "forbid", polygon=lane, actions=["reverse", "turn"]))
    assert named(text, "rule 'lane'", "neither turn round, nor drive straight through, nor reverse")
    assert loaded(*walls, end, rule("lane", "forbid", polygon=lane, actions=["reverse"]))
    assert loaded(*walls, end, rule("lane", "forbid", polygon=lane, actions=["turn"]))
    reverse = rule("lane", "forbid", polygon=lane, actions=["reverse"])
    both = refused(*walls, end, reverse, rule("straight", "forbid", actions=["turn"]))
    assert named(both, "rule 'lane' and rule 'straight'")
    timed = rule("straight", "forbid", actions=["turn"], when=DAYTIME)
    assert loaded(*walls, end, {**reverse, "when": NIGHT}, timed)
    assert named(refused(*walls, end, {**reverse, "when": DAYTIME}, timed), "'straight'")


def test_a_lane_too_narrow_to_turn_in_needs_an_end_or_reverse() -> None:
    walls = [
        rule("south", "keep_out", polygon=box(14, 12, 19, 12.5)),
        rule("north", "keep_out", polygon=box(14, 13.25, 19, 14)),
        rule("end", "keep_out", polygon=box(18.5, 12.4, 19, 13.3)),
    ]  # fmt: skip
    lane = rule("lane", "forbid", polygon=box(14, 12.5, 18.5, 13.25), actions=["reverse"])
    assert named(refused(*walls, lane), "rule 'lane'", "neither turn round")
    assert loaded(*walls[:2], lane)


def test_open_ground_without_zones_lets_everybody_out() -> None:
    content = load_site("crossing").model_dump(mode="json")
    content["structures"] = {}
    lane = rule("lane", "forbid", polygon=box(10, 10, 12, 12), actions=["reverse", "turn"])
    assert loaded(lane, site=Site.model_validate(content))


# --- names and numbers ---


@pytest.mark.parametrize(
    ("rules", "content", "words"),
    [
        ([rule("a", "keep_out", polygon=POCKET), rule("a", "approval")], {}, ["rule 'a' and rule 'a'", "2 rules"]),
        ([rule("meadow", "approval")], {}, ["rule 'meadow'", "zone 'meadow'", "another id"]),
        ([rule("a", "keep_out", zone="moon")], {}, ["rule 'a'", "site 'yard'", "no zone 'moon'", "flower_bed"]),
        ([rule("a", "approval", when={"gates_closed": ["west"]})], {}, ["rule 'a'", "no gate 'west'", "['north']"]),
        ([rule("a", "approval", when={"modes": ["mowing"]})], {}, ["rule 'a'", "no mode 'mowing'", "'teleop'"]),
        ([], {"gates": ["payload"]}, ["gate 'payload'", "site/state", "another name"]),
        ([rule("a", "approval", when={"payload_over_kg": 15.0})], {}, ["rule 'a'", "'scout'", "15 kg", "never comes"]),
        ([rule("a", "speed", max_speed_mps=1.6)], {}, ["rule 'a'", "'scout'", "'yard'", "1.6", "1.5", "only tighten"]),
        ([rule("a", "speed", max_reverse_mps=0.6)], {}, ["rule 'a'", "max_reverse_mps", "0.5"]),
        ([rule("a", "speed", max_yaw_rate_rps=2.5)], {}, ["rule 'a'", "max_yaw_rate_rps", "2.5"]),
        ([rule("a", "speed", max_speed_mps=1.1)], {"limits": {"max_speed_mps": 1.0}}, ["rule 'a'", "(1)"]),
        ([rule("a", "slope", max_slope_rad=0.35)], {}, ["rule 'a'", "max_tilt_rad", "0.35"]),
        ([rule("a", "approval"), rule("a", "approval"), rule("b", "approval", zone="x")], {}, ["Also:", "rule 'b'"]),
    ],
)  # fmt: skip
def test_names_and_numbers_that_cannot_hold_are_refused_with_both_sides(
    rules: list[dict[str, Any]], content: dict[str, Any], words: list[str]
) -> None:
    text = refused(*rules, **content)
    assert named(text, *words), text


def test_hours_need_a_site_that_keeps_time() -> None:
    text = refused(rule("a", "keep_out", polygon=box(20, 10, 22, 12), when=NIGHT), site=load_site("crossing"))
    assert named(text, "rule 'a'", "site 'crossing'", "local.utc_offset_h")


def test_at_the_edge_of_what_is_allowed_a_rule_is_taken() -> None:
    assert loaded(
        rule("a", "speed", max_speed_mps=1.5, max_reverse_mps=0.5, max_yaw_rate_rps=2.0),
        rule("b", "slope", max_slope_rad=0.34),
        rule("c", "approval", when={"payload_over_kg": 14.0}),
    )  # fmt: skip
    no_design = load_robot("scout").model_copy(update={"design": load_robot("husky_test1").design})
    assert loaded(rule("c", "approval", when={"payload_over_kg": 99.0}), robot=no_design)


# --- the form ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "keep_out"}, "needs a polygon or a zone"),
        ({"kind": "geofence"}, "needs a polygon or a zone"),
        ({"kind": "keep_out", "polygon": POCKET, "zone": "meadow"}, "not both"),
        ({"kind": "keep_out", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "crosses itself"),
        ({"kind": "keep_out", "polygon": [[0, 0], [1, 0], [2, 0]]}, "encloses nothing"),
        ({"kind": "keep_out", "polygon": [[0, 0], [float("inf"), 0], [2, 0]]}, "finite"),
        ({"kind": "speed"}, "needs max_speed_mps"),
        ({"kind": "speed", "max_speed_mps": 0.3, "max_reverse_mps": 0.4}, "binds both ways"),
        ({"kind": "forbid", "actions": []}, "at least 1"),
        ({"kind": "forbid", "actions": ["fly"]}, "'move', 'reverse' or 'turn'"),
        ({"kind": "magic"}, "magic"),
        ({"kind": "approval", "persons": 0}, "greater than or equal to 1"),
        ({"kind": "approval", "when": {"hours": []}}, "at least 1"),
        ({"kind": "approval", "when": {"hours": [{"from": "08:00", "until": "08:00"}]}}, "hours are empty"),
        ({"kind": "approval", "when": {"hours": [{"from": "24:00", "until": "00:00"}]}}, "hours are empty"),
        ({"kind": "approval", "when": {"hours": [{"from": "8 o'clock"}]}}, "HH:MM"),
        ({"kind": "approval", "when": {"hours": [{"from": "08:60"}]}}, "HH:MM"),
        ({"kind": "approval", "when": {"hours": [{"from": "08:5"}]}}, "HH:MM"),
        ({"kind": "approval", "when": {"hours": [{"until": "25:00"}]}}, "less than or equal to 1440"),
        ({"kind": "approval", "when": {"hours": [{"days": []}]}}, "at least 1"),
        ({"kind": "approval", "when": {"hours": [{"days": ["someday"]}]}}, "'mon'"),
        ({"kind": "approval", "id": "Not An Id"}, "pattern"),
        ({"kind": "approval", "hazard": ""}, "at least 3"),
    ],
)  # fmt: skip
def test_a_rule_of_no_sound_form_is_refused_in_words(content: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RulesFile.model_validate({"name": "test", "rules": [{"id": "a", **BASIS, **content}]})
    assert words in str(caught.value), str(caught.value)


def test_an_unquoted_time_of_day_means_what_it_says() -> None:
    """YAML 1.1 reads 22:00 as a number in base sixty, which is the minute of the day."""
    hours = RulesFile.model_validate(
        {"name": "t", "rules": [rule("a", "approval", when={"hours": [{"from": 1320, "until": "06:00"}]})]}
    ).rules[0].when.hours  # fmt: skip
    assert hours is not None and (hours[0].from_min, hours[0].until_min) == (22 * 60, 6 * 60)


def test_the_first_contradiction_is_told_in_full_and_the_others_after_it() -> None:
    one, two, three = (Conflict(f"a{k}", f"b{k}", f"why {k}", f"mend {k}") for k in range(3))
    assert told([one]) == ("a0 and b0 cannot both hold: why 0.", "Mend: mend 0.")
    assert told([one, two, three]) == (
        "a0 and b0 cannot both hold: why 0. Also: a1 and b1: why 1. Also: a2 and b2: why 2.", "Mend: mend 0.",
    )  # fmt: skip


def test_a_slope_that_the_tilt_forbids_names_the_number_of_the_file() -> None:
    text = refused(rule("a", "slope", max_slope_rad=0.4))
    assert text.startswith("rule 'a' and max_tilt_rad cannot both hold: at 0.35 rad of tilt the robot stands"), text


@pytest.mark.parametrize(("side", "sound"), [(2e-4, False), (2.1e-4, True)])
def test_an_area_is_more_than_a_square_centimetre(side: float, sound: bool) -> None:
    polygon = ((0.0, 0.0), (1.0, 0.0), (0.0, side))
    if not sound:
        assert shapely.Polygon(polygon).area == 1e-4
        with pytest.raises(ValidationError, match="encloses nothing"):
            KeepOut(kind="keep_out", id="a", polygon=polygon, **BASIS)
        return
    assert KeepOut(kind="keep_out", id="a", polygon=polygon, **BASIS).placed
