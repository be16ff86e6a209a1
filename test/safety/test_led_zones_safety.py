"""Zones and what was sent before: a late base is led another way than the new command's arc, and must not enter."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from physical_ai_core.site import Site, Zone, ZoneKind, load_site
from physical_ai_safety.footprint import Braking, Hull
from physical_ai_safety.motion import Motion
from physical_ai_safety.schema import ZoneRule
from physical_ai_safety.under_way import Base, Led, Sent
from physical_ai_safety.zones import MapPose, Way, ZoneLimit, ZoneMap, outside

CORNERS = [(0.3, 0.2), (-0.3, 0.2), (-0.3, -0.2), (0.3, -0.2)]
HULL = Hull(CORNERS)
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)
ESCAPE_MPS = 0.2
STRAIGHT = (Sent(0.0, 1.2, 0.0),)
RULES: dict[str, ZoneRule] = {}


def site(**shapes: Polygon) -> Site:
    zones = {
        name: Zone(kind=ZoneKind.KEEP_OUT, polygon=tuple(shape.exterior.coords)[:-1]) for name, shape in shapes.items()
    }
    return load_site("yard").model_copy(update={"zones": zones})


def led(asked: Motion, v: float, w: float, sent: tuple[Sent, ...], late_s: float = 0.5) -> Led:
    return Led(asked, Base(v, w, late_s, 0.0, BRAKING, 1.5, 4.0), sent, 0.6, HULL.radius_m)


def way_of(zones: ZoneMap, pose: MapPose, asked: Motion, led: Led | None) -> Way:
    return zones.way(pose, *asked, BRAKING, ESCAPE_MPS, zones.anchor(pose, None), led)


def bodies(pose: MapPose, places: list[tuple[float, float, float]]) -> Any:
    """The robot in `map` at places seen from where it is."""
    x, y, yaw = np.array(places).T[:, :, None]
    here = x + 1j * y + np.array([complex(*corner) for corner in CORNERS]) * np.exp(1j * yaw)
    there = complex(pose.x_m, pose.y_m) + here * np.exp(1j * pose.yaw_rad)
    return shapely.polygons(np.stack([there.real, there.imag], axis=-1))


# --- before a zone ---


def test_told_to_turn_away_a_late_base_drives_on_towards_a_keep_out_zone_first() -> None:
    zones, pose = ZoneMap(site(bed=box(21.2, 10.0, 24.0, 18.0)), RULES, HULL), MapPose(20.0, 14.0, 0.0, 0.0)
    away = Motion(1.2, 1.5)
    assert way_of(zones, pose, away, None).site() is None
    found = way_of(zones, pose, away, led(away, 1.2, 0.0, STRAIGHT)).site()
    assert found is not None and (found.zone, found.clause) == ("bed", "forbidden") and found.factor < 1.0
    assert found.way_m == pytest.approx(1.2 * (0.2 + 0.5 * 0.8)), "all of its own way is free"
    assert found.limit_mps == pytest.approx(1.2 * found.factor)
    assert way_of(zones, pose, away, led(away, 1.2, 0.0, STRAIGHT, 0.1)).site() is None, "in time it turns"


def test_told_to_drive_straight_a_turn_under_way_brings_it_to_face_the_zone() -> None:
    zones, pose = ZoneMap(site(bed=box(19.0, 14.75, 22.0, 18.0)), RULES, HULL), MapPose(20.0, 14.0, 0.0, 0.0)
    on, turning = Motion(1.2, 0.0), (Sent(0.0, 0.4, 1.2),)
    assert way_of(zones, pose, on, None).site() is None
    found = way_of(zones, pose, on, led(on, 0.4, 1.2, turning)).site()
    assert found is not None and found.factor < 1.0
    assert way_of(zones, pose, on, led(on, 0.4, -1.2, (Sent(0.0, 0.4, -1.2),))).site() is None


def test_an_area_of_the_rules_and_the_fence_are_held_against_it_too() -> None:
    away, pose = Motion(1.2, 1.5), MapPose(20.0, 14.0, 0.0, 0.0)
    late = led(away, 1.2, 0.0, STRAIGHT)
    areas = {"wet": box(21.2, 10.0, 24.0, 18.0), "beyond": outside(box(0.0, 0.0, 21.2, 40.0))}
    way = way_of(ZoneMap(site(), RULES, HULL, areas), pose, away, late)
    for name in areas:
        for escape in (True, False):
            found = way.forbidden(name, escape)
            assert found is not None and found.zone == name and found.factor < 1.0
            assert not way.enters(name), "what only counts where it is entered asks the arc"
    fenced = load_site("yard").model_copy(
        update={"zones": {"fence": Zone(kind=ZoneKind.GEOFENCE, polygon=((0, 0), (21.2, 0), (21.2, 40), (0, 40)))}}
    )
    found = way_of(ZoneMap(fenced, RULES, HULL), pose, away, late).site()
    assert found is not None and found.zone == "fence" and found.factor < 1.0


@pytest.mark.parametrize("sigma", [0.0, 0.05])
def test_of_what_is_asked_that_share_is_left_whose_ways_all_stay_outside(sigma: float) -> None:
    """Held against each body on each way, one by one; and of the arc and the ways the stricter binds."""
    rng, seen, arcs = np.random.default_rng(4), Counter[float](), 0
    bed = box(20.0, 10.0, 24.0, 18.0)
    zones = ZoneMap(site(bed=bed), RULES, HULL)
    for _ in range(400):
        pose = MapPose(20.0 - float(rng.uniform(0.5, 1.8)), 14.0, float(rng.uniform(-1.5, 1.5)), sigma)
        if shapely.distance(bed, bodies(pose, [(0.0, 0.0, 0.0)])[0]) <= 3.0 * sigma + 1e-6:
            continue
        v, told_v, asked_v = rng.uniform((0.0, 0.0, 0.3), (0.8, 0.8, 2.0))
        w, told_w, asked_w = rng.uniform(-1.5, 1.5, 3)
        asked = Motion(float(asked_v), float(asked_w))
        late = led(asked, float(v), float(w), (Sent(0.0, float(told_v), float(told_w)),), float(rng.uniform(0.0, 0.5)))
        nearest_m = {k: shapely.distance(bed, bodies(pose, late.way(k)[0])).min() for k in (1.0, 0.7, 0.4, 0.2)}
        share = next((k for k, gap_m in nearest_m.items() if gap_m > 3.0 * sigma), 0.0)
        arc = way_of(zones, pose, asked, None).site()
        found = way_of(zones, pose, asked, late).site()
        factor = min(share, 1.0 if arc is None else arc.factor)
        assert (1.0 if found is None else found.factor) == factor
        if found is not None:
            assert found.limit_mps == pytest.approx(factor * asked.v_mps)
            assert found.way_m == pytest.approx(
                asked.v_mps * (0.2 + 0.5 * BRAKING.duration_s(*asked)) if arc is None else arc.way_m
            )
        seen[share] += 1
        arcs += arc is not None and arc.factor < share
    assert min(seen[share] for share in (1.0, 0.7, 0.4, 0.2, 0.0)) > 0 and arcs > 3


def test_straight_on_too_a_late_base_is_followed_through_what_it_was_told() -> None:
    zones, pose = ZoneMap(site(bed=box(21.2, 10.0, 24.0, 18.0)), RULES, HULL), MapPose(20.0, 14.0, 0.0, 0.0)
    slower = Motion(0.9, 0.0)
    assert way_of(zones, pose, slower, None).site() is None
    assert way_of(zones, pose, slower, led(slower, 0.9, 0.0, (Sent(0.0, 0.9, 0.0),), 0.1)).site() is None
    found = way_of(zones, pose, slower, led(slower, 1.2, 0.0, STRAIGHT)).site()
    assert found is not None and (found.zone, found.clause, found.factor) == ("bed", "forbidden", 0.0)


def test_an_area_may_be_met_as_far_away_as_what_was_sent_can_lead() -> None:
    stop, pose = Motion(0.0, 0.1), MapPose(20.0, 14.0, 0.0, 0.1)
    late = led(stop, 1.2, 0.1, (Sent(0.0, 1.2, 0.1),))
    reach_m = late.reach_m + 3.0 * 0.1
    for beyond_m, near in ((0.09, True), (0.11, False)):
        zones = ZoneMap(site(), RULES, HULL, {"box": box(20.0 + reach_m + beyond_m, 13.9, 40.0, 14.1)})
        assert way_of(zones, pose, stop, late).near("box") is near
        assert not way_of(zones, pose, stop, None).near("box")
    fast = Motion(3.0, 0.1)  # by its own arc it gets farther than by a word that is hardly late
    slow = led(stop, 0.1, 0.1, (), 0.0)
    far = ZoneMap(site(), RULES, HULL, {"box": box(20.0 + 3.0 * 1.2 + HULL.radius_m + 0.39, 13.9, 40.0, 14.1)})
    assert way_of(far, pose, fast, slow).near("box")


# --- within the margin of one ---

WALL = box(21.0, 0.0, 30.0, 30.0)


def within(x: float, yaw: float, asked: Motion, late: Led | None = None, sigma: float = 0.2) -> ZoneLimit | None:
    """A robot that may already be in the zone, and by its own reckoning stands before it."""
    return way_of(ZoneMap(site(wall=WALL), RULES, HULL), MapPose(x, 14.0, yaw, sigma), asked, late).site()


OPEN = ("escape", ESCAPE_MPS)
SHUT = ZoneLimit(0.0, "wall", "forbidden", 0.0, 0.0)


def test_within_the_margin_of_a_zone_it_may_slowly_go_where_no_part_of_it_comes_nearer() -> None:
    for yaw, v in ((math.pi, 0.8), (0.0, -0.8), (0.5 * math.pi, 0.8), (0.5 * math.pi, -0.8)):
        found = within(20.5, yaw, Motion(v, 0.0))
        assert found is not None and (found.clause, found.limit_mps) == OPEN and found.factor == pytest.approx(0.25)
    slowly = within(20.5, math.pi, Motion(0.1, 0.0))
    assert slowly is not None and slowly.factor == 1.0
    assert within(20.5, math.pi, Motion(1e-6, 0.0)) is not None and within(20.5, math.pi, Motion(0.9e-6, 0.0)) is None
    for yaw, v in ((0.0, 0.8), (math.pi, -0.8), (0.5 * math.pi - 0.01, 0.8), (0.0, 0.01)):
        assert within(20.5, yaw, Motion(v, 0.0)) == SHUT


def test_nearer_by_less_than_rounding_is_no_nearer() -> None:
    """Almost along the wall: 0.6 m to rest, of which so little is towards it."""
    for nearer_m, shut in ((0.9e-4, False), (1.1e-4, True)):
        found = within(20.5, 0.5 * math.pi - math.asin(nearer_m / (1.0 * (0.2 + 1.0 / 3.0))), Motion(1.0, 0.0))
        assert (found == SHUT) is shut


@pytest.mark.parametrize("w", [1.0, -1.0])
def test_on_the_spot_it_turns_its_corners_away_from_a_zone_and_not_towards_it(w: float) -> None:
    corner = math.atan2(0.2, 0.3)
    assert within(20.5, 0.0, Motion(0.0, w)) == SHUT
    assert within(20.5, math.copysign(corner, w), Motion(0.0, w)) is None, "a corner pointed at it, and leaves it"
    assert within(20.5, math.copysign(corner + 0.1, -w), Motion(0.0, w)) == SHUT


def test_inside_it_turns_freely_and_what_is_under_way_is_not_asked() -> None:
    late = led(Motion(0.0, 1.0), 1.0, 1.0, (Sent(0.0, 1.0, 1.0),))
    assert within(22.0, 0.0, Motion(0.0, 1.0)) is None and within(22.0, 0.0, Motion(0.0, 1.0), late) is None
    out = within(22.0, math.pi, Motion(0.5, 0.0), late)
    assert out is not None and (out.clause, out.limit_mps) == OPEN
    assert within(22.0, 0.0, Motion(0.5, 0.0), late) == SHUT


def test_within_the_margin_what_is_under_way_must_lead_no_nearer_either() -> None:
    along, back = Motion(0.5, 0.0), Motion(-0.5, 0.0)
    for asked, yaw, v, w, open_ in (
        (along, 0.5 * math.pi, 0.5, -0.5, False), (along, math.pi, 0.5, 0.03, True),
        (along, math.pi, -0.5, 0.03, False), (back, 0.0, 0.5, 0.03, False), (back, 0.0, -0.5, 0.03, True),
    ):  # fmt: skip
        late = led(asked, v, w, (Sent(0.0, v, w),))
        for found, free in ((within(20.5, yaw, asked, late), open_), (within(20.5, yaw, asked), True)):
            assert found is not None and (found.clause, found.limit_mps) == (OPEN if free else SHUT[2::2])
            assert found.factor == (pytest.approx(0.4) if free else 0.0)


def test_within_the_margin_all_of_what_is_asked_is_followed_and_no_share_of_it_lets_more_through() -> None:
    asked: list[float] = []

    class Asked(Led):
        def way(self, share: float) -> tuple[list[tuple[float, float, float]], float]:
            asked.append(share)
            return super().way(share)

    late = Asked(Motion(-0.5, 0.0), Base(-0.5, 0.03, 0.5, 0.0, BRAKING, 1.5, 4.0), STRAIGHT, 0.6, HULL.radius_m)
    assert within(20.5, 0.0, Motion(-0.5, 0.0), late) == SHUT and asked == [1.0]
