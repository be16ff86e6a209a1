"""Room that rules leave at every hour: how wide it must be, how an area is left, and whom the refusal names."""

from __future__ import annotations

from typing import Any

import pytest
from rule_sets import BASIS, DAYTIME, NIGHT, POCKET, box, loaded, named, refused, rule
from shapely import Polygon, affinity

from physical_ai_core.robot import Robot, load_robot
from physical_ai_core.site import Site, load_site

SUNK = {"hours": [{"from": "20:00", "until": "23:00"}]}  # begins before the night, and ends in it


def open_ground() -> Site:
    """Two places and nothing else; its clocks are known."""
    content = load_site("crossing").model_dump(mode="json")
    return Site.model_validate(content | {"structures": {}, "local": {"country": "jp", "utc_offset_h": 9.0}})


def yard(**zones: dict[str, Any]) -> Site:
    content = load_site("yard").model_dump(mode="json")
    return Site.model_validate(content | {"zones": content["zones"] | zones})


def keeping_out(polygon: list[list[float]]) -> dict[str, Any]:
    return {"kind": "keep_out", "polygon": polygon}


def robot(length: float, width: float, turned_deg: float = 0.0) -> Robot:
    x, y, content = 0.5 * length, 0.5 * width, load_robot("scout").model_dump(mode="json")
    shape = affinity.rotate(Polygon([(x, y), (-x, y), (-x, -y), (x, -y)]), turned_deg, origin=(0, 0))
    return Robot.model_validate(content | {"footprint": [list(corner) for corner in shape.exterior.coords[:-1]]})


# --- room to stand in ---


@pytest.mark.parametrize("turned_deg", [0.0, 30.0, -20.0, 90.0])
def test_room_is_as_wide_as_the_narrow_side_of_the_robot_and_the_doubt_of_its_place(turned_deg: float) -> None:
    """0.42 m, and three standard deviations of 0.03 m on either side: 0.60 m."""
    body, site = robot(0.50, 0.42, turned_deg), open_ground()
    assert loaded(rule("strip", "geofence", polygon=box(2, 14.69, 9, 15.31)), site=site, robot=body)
    text = refused(rule("strip", "geofence", polygon=box(2, 14.71, 9, 15.29)), site=site, robot=body)
    assert named(text, "rule 'strip' and robot 'scout'", "no place where the robot fits.")


def test_where_one_rule_alone_leaves_no_room_it_is_named_with_the_robot_whatever_else_is_shut() -> None:
    text = refused(rule("spot", "geofence", polygon=box(2.3, 3.8, 2.6, 4.2)))
    assert named(text.split(" cannot")[0], "rule 'spot' and robot 'scout'")


def test_of_two_rules_that_shut_the_same_the_later_one_is_named() -> None:
    west, east = box(-1, -1, 20.1, 25), box(20, -1, 41, 25)
    rules = [
        rule("west", "keep_out", polygon=west), rule("again", "keep_out", polygon=west),
        rule("east", "keep_out", polygon=east),
    ]  # fmt: skip
    assert refused(*rules).startswith("rule 'east' and rule 'again' cannot")


def test_of_three_that_leave_no_room_together_the_later_is_named_and_no_bystander() -> None:
    rules = [
        rule("west", "keep_out", polygon=box(-1, -1, 14, 25)), rule("middle", "keep_out", polygon=box(14, -1, 27, 25)),
        rule("bystander", "keep_out", polygon=box(2, 2, 4, 4)), rule("east", "keep_out", polygon=box(27, -1, 41, 25)),
    ]  # fmt: skip
    assert refused(*rules).startswith("rule 'east' and rule 'middle' cannot")


def test_what_comes_after_the_first_that_leaves_no_room_has_no_part_in_it() -> None:
    text = refused(
        rule("fence", "geofence", polygon=box(1, 1, 10, 10)), rule("bed", "keep_out", polygon=box(0, 0, 11, 11)),
        rule("lid", "keep_out", polygon=box(-1, -1, 50, 50)),
    )  # fmt: skip
    assert text.startswith("rule 'bed' and rule 'fence' cannot")


def test_what_leaves_no_room_at_any_hour_is_told_without_an_hour_and_once() -> None:
    text = refused(
        rule("fence", "geofence", polygon=box(1, 1, 10, 10)), rule("bed", "keep_out", polygon=box(0, 0, 11, 11)),
        rule("early", "keep_out", polygon=POCKET, when={"hours": [{"from": "00:01", "until": "05:00"}]}),
    )  # fmt: skip
    assert "they leave no place where the robot fits." in text and text.count("leave no place") == 1


def test_what_leaves_no_room_in_every_night_is_told_once() -> None:
    text = refused(
        rule("fence", "geofence", polygon=box(1, 1, 10, 10)),
        rule("bed", "keep_out", polygon=box(0, 0, 11, 11), when=NIGHT),
    )
    assert text.count("leave no place") == 1 and "fits on mon 00:00." in text


def test_fences_of_a_site_are_named_together() -> None:
    site = yard(annex={"kind": "geofence", "polygon": box(38, 10, 45, 14)})
    text = refused(rule("all", "keep_out", polygon=box(-1, -1, 50, 50)), site=site)
    assert text.startswith("rule 'all' and zone 'annex+yard_limits' of the site cannot")


def test_a_bed_that_has_a_part_in_it_is_named_rather_than_the_fence() -> None:
    site = yard(lawn=keeping_out(box(30, 20, 45, 30)))
    rest = [[-1, -1], [50, -1], [50, 20], [30, 20], [30, 50], [-1, 50]]
    assert refused(rule("rest", "keep_out", polygon=rest), site=site).startswith("rule 'rest' and zone 'lawn' of the")


# --- what is asked of a site ---


@pytest.mark.parametrize(
    "shuts", [{"kind": "keep_out"}, {"kind": "keep_out", "when": {"modes": ["autonomy"]}},
              {"kind": "keep_out", "when": {"modes": ["teleop", "autonomy"]}}, {"kind": "forbid", "actions": ["move"]}],
)  # fmt: skip
def test_whatever_keeps_autonomy_from_a_place_shuts_it(shuts: dict[str, Any]) -> None:
    assert "it shuts where the robot is sent." in refused({"id": "a", **BASIS, "polygon": box(20, 16, 22, 18), **shuts})


@pytest.mark.parametrize(
    "leaves", [{"kind": "keep_out", "when": {"modes": ["teleop"]}}, {"kind": "forbid", "actions": ["reverse"]},
               {"kind": "keep_out", "when": {"payload_over_kg": 5.0}}],
)  # fmt: skip
def test_what_leaves_autonomy_a_place_does_not_shut_it(leaves: dict[str, Any]) -> None:
    assert loaded({"id": "a", **BASIS, "polygon": box(20, 16, 22, 18), **leaves})


def test_the_start_is_shut_by_a_fence_too() -> None:
    assert "it shuts where the robot starts." in refused(rule("a", "geofence", polygon=box(10, 10, 20, 20)))


# --- ways out ---


def niche(opening: float) -> Site:
    """Walls all round the pocket of the yard but for an opening in the south, from x = 14 on."""
    walls = [(13, 12, 14, 17), (19, 12, 20, 17), (13, 16, 20, 17), (14 + opening, 11, 20, 12)]
    return yard(**{f"wall_{k}": keeping_out(box(*wall)) for k, wall in enumerate(walls)})


@pytest.mark.parametrize(("opening", "out"), [(0.58, False), (0.62, True), (5.0, True)])
def test_a_way_out_is_as_wide_as_the_robot(opening: float, out: bool) -> None:
    bay = rule("bay", "keep_out", polygon=POCKET, when=NIGHT)
    if out:
        assert loaded(bay, site=niche(opening))
    else:
        assert named(refused(bay, site=niche(opening)), "rule 'bay' and zone 'wall_", "has no way out")


@pytest.mark.parametrize(("opening", "out"), [(0.5, True), (0.499, False)])
def test_a_way_out_that_is_just_as_wide_is_one(opening: float, out: bool) -> None:
    content: dict[str, Any] = {"site": niche(opening), "robot": robot(1.0, 0.5), "localisation": {"min_sigma_m": 0.0}}
    bay = rule("bay", "keep_out", polygon=POCKET, when=NIGHT)
    assert loaded(bay, **content) if out else refused(bay, **content)


def test_an_area_smaller_than_the_robot_is_left_on_all_sides() -> None:
    assert loaded(rule("post", "keep_out", polygon=box(16, 14, 16.1, 14.1), when=NIGHT))


@pytest.mark.parametrize(("when", "meet"), [(NIGHT, True), (SUNK, True), (DAYTIME, False), (None, True)])
def test_neighbours_lock_the_robot_in_where_their_hours_meet_at_all(when: dict[str, Any] | None, meet: bool) -> None:
    one = rule("one", "keep_out", polygon=box(14, 12, 16, 15), when=NIGHT)
    two = rule("two", "keep_out", polygon=box(16, 12, 18, 15), **({} if when is None else {"when": when}))
    if meet:
        assert named(refused(one, two), "rule 'one' and rule 'two'", "nearest way out in the other")
    else:
        assert loaded(one, two)


@pytest.mark.parametrize(("gap", "touch"), [(0.5e-6, True), (1e-6, False)])
def test_areas_touch_up_to_a_micrometre_wherever_they_are_drawn(gap: float, touch: bool) -> None:
    """Far from all places of the site, along y = 0, where there is no rounding."""
    rules = (
        rule("one", "keep_out", polygon=box(10, -3, 14, 0), when=NIGHT),
        rule("two", "keep_out", polygon=box(10, gap, 14, 3)),
    )
    if touch:
        assert named(refused(*rules, site=open_ground()), "rule 'one' and rule 'two'", "way out in the other")
    else:
        assert loaded(*rules, site=open_ground())


def test_of_a_long_and_narrow_area_its_middle_is_looked_at_too() -> None:
    strip = rule("strip", "keep_out", polygon=box(10, 0, 20, 0.2), when=NIGHT)
    walls = [rule(f"wall_{k}", "keep_out", polygon=box(10, y, 20, y + 1)) for k, y in enumerate((-1.0, 0.2))]
    assert named(refused(strip, *walls, site=open_ground()), "rule 'strip' and rule 'wall_0'", "rule 'wall_1'")


@pytest.mark.parametrize("turned_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [1.0, -1.0])
def test_no_strip_along_an_edge_of_the_area_is_overlooked(turned_deg: int, mirrored: float) -> None:
    """An L whose one leg is narrower than the points lie apart; what shuts this leg's nearer side locks it in."""

    def placed(corners: list[tuple[float, float]]) -> list[list[float]]:
        shape = affinity.rotate(affinity.scale(Polygon(corners), mirrored, 1.0, origin=(2, 2)), turned_deg, (2, 2))
        return [[round(x + 12.0, 6), round(y - 8.0, 6)] for x, y in shape.exterior.coords[:-1]]

    leg = rule(
        "leg", "keep_out", polygon=placed([(0, 0), (4, 0), (4, 0.5), (0.08, 0.5), (0.08, 4), (0, 4)]), when=NIGHT
    )
    for away, locks in ((0.08, True), (0.2, False)):
        block = rule("block", "keep_out", polygon=placed([(away, 2), (1, 2), (1, 3.5), (away, 3.5)]))
        if locks:
            assert named(refused(leg, block, site=open_ground()), "rule 'leg' and rule 'block'", "in the other")
        else:
            assert loaded(leg, block, site=open_ground())


# --- dead ends ---


@pytest.mark.parametrize("thick", ["north", "south"])
def test_of_the_walls_of_a_dead_end_that_one_is_named_that_shuts_most_of_it(thick: str) -> None:
    south, north = (0.5 if thick == side else 0.1 for side in ("south", "north"))
    walls = [
        rule("south", "keep_out", polygon=box(14, 12.5 - south, 19, 12.5)),
        rule("north", "keep_out", polygon=box(14, 13.25, 19, 13.25 + north)),
        rule("end", "keep_out", polygon=box(18.5, 12.4, 19, 13.3)),
    ]  # fmt: skip
    lane = rule("lane", "forbid", polygon=box(14, 12.5, 18.5, 13.25), actions=["reverse"])
    assert refused(*walls, lane).startswith(f"rule 'lane' and rule '{thick}' cannot")
