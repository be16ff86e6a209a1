"""The route keeps off what the site forbids, and takes what the sensors see as it comes and goes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planner_driver import INSCRIBED_M, Drive, go, goal, scout, yard, yard_map

from physical_ai_core.site import Site
from physical_ai_planner.live import LiveLayer
from physical_ai_planner.route import plan_leg, with_yaw
from physical_ai_planner.site_map import SiteMap

CLEARANCE_M = 0.1


def random_site(boxes: list[tuple[float, float, float, float, float]], zone: tuple[float, float]) -> Site:
    x, y = zone
    return Site.model_validate(
        {
            "name": "random",
            "start": "home",
            "places": {"home": {"names": {"en": ["home"]}, "pose": {"x_m": 0.5, "y_m": 0.5}}},
            "zones": {
                "limits": {"kind": "geofence", "polygon": [[-1, -1], [13, -1], [13, 11], [-1, 11]]},
                "pond": {"kind": "keep_out", "polygon": [[x, y], [x + 2, y], [x + 2, y + 2], [x, y + 2]]},
            },
            "structures": {
                f"box_{i}": {"pose": {"x_m": bx, "y_m": by, "yaw_rad": yaw}, "length_m": length, "width_m": width}
                for i, (bx, by, length, width, yaw) in enumerate(boxes)
            },
        }
    )


box = st.tuples(
    st.floats(2.0, 10.0), st.floats(2.0, 8.0), st.floats(0.2, 3.0), st.floats(0.2, 3.0), st.floats(-3.1, 3.1)
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(box, max_size=5), st.tuples(st.floats(2.0, 8.0), st.floats(2.0, 7.0)), st.floats(0.0, 0.4))
def test_no_route_comes_nearer_than_the_robot_and_its_clearance_to_structures_or_zones(boxes, zone, margin_m):
    site_map = SiteMap(random_site(boxes, zone), scout().radius_m, INSCRIBED_M, 0.2, 0.8)
    terrain = site_map.terrain(CLEARANCE_M, margin_m, ())
    leg = plan_leg(site_map, terrain, None, np.array([0.5, 0.5]), np.array([12.0, 10.0]), 0.2)
    if leg is None:
        return
    line = shapely.LineString(leg.points)
    slack = 0.051  # the line is checked every half cell
    assert line.distance(site_map.structures) >= scout().radius_m + CLEARANCE_M - slack or not boxes
    pond = site_map.site.zones["pond"].shape
    assert line.distance(pond) >= scout().radius_m + CLEARANCE_M + margin_m - slack
    assert site_map.fence.contains(line)
    np.testing.assert_allclose(leg.points[[0, -1]], [[0.5, 0.5], [12.0, 10.0]])


def test_every_place_of_the_yard_is_reached_from_every_other_by_a_route_hardly_longer_than_needed():
    site_map = yard_map()
    terrain = site_map.terrain(CLEARANCE_M, 0.1, ())
    places = [place.pose.as_array() for place in yard().places.values()]
    for start in places:
        for end in places:
            leg = plan_leg(site_map, terrain, None, start, end, 0.2, free_goal=True)
            assert leg is not None and not leg.cut
            assert leg.length_m <= 1.15 * np.hypot(*(end - start)[:2]) + 2.5  # around the shelves at most


def test_poses_are_evenly_spaced_head_along_the_path_and_end_with_the_asked_heading():
    site_map = yard_map()
    leg = plan_leg(
        site_map, site_map.terrain(CLEARANCE_M, 0.0, ()), None, np.array([2.5, 4.0]), np.array([21.0, 16.8]), 0.2
    )
    poses = with_yaw(leg.points, 0.0, 1.5)
    steps = np.diff(poses[:, :2], axis=0)
    assert np.hypot(*steps.T).max() < 0.25
    np.testing.assert_allclose(poses[:-1, 2], np.arctan2(steps[:, 1], steps[:, 0]), atol=1e-9)
    assert poses[-1, 2] == pytest.approx(1.5)


def test_a_robot_that_stands_too_near_to_a_post_finds_its_way_out():
    site_map = yard_map(0.1)
    terrain = site_map.terrain(CLEARANCE_M, 0.1, ())
    start = np.array([1.7, 4.0])  # 0.3 m from the charger's post, less than the robot's radius
    assert not site_map.is_free(terrain.free, start)[0]
    leg = plan_leg(site_map, terrain, None, start, np.array([10.0, 3.0]), 0.2)
    assert leg is not None
    assert shapely.LineString(leg.points).distance(site_map.structures) >= 0.3 - 0.1


def test_a_walled_in_goal_has_no_route():
    walls = [(6.0, 3.0, 4.0, 0.2, 0.0), (6.0, 7.0, 4.0, 0.2, 0.0), (4.0, 5.0, 0.2, 4.2, 0.0), (8.0, 5.0, 0.2, 4.2, 0.0)]
    site_map = SiteMap(random_site(walls, (10.0, 0.0)), scout().radius_m, INSCRIBED_M, 0.2, 0.8)
    terrain = site_map.terrain(CLEARANCE_M, 0.0, ())
    assert plan_leg(site_map, terrain, None, np.array([0.5, 0.5]), np.array([6.0, 5.0]), 0.2) is None


def test_what_stands_in_the_way_is_driven_around_and_what_walks_past_is_not():
    drive = Drive({"dock": goal(go("dock_a"))})
    drive.obstacles = [(8.0, 4.0 + 0.2 * i) for i in range(-3, 4)]
    drive.say("dock").run(60.0, until="done")
    assert drive.kinds[-1] == "done"
    nearest = min(np.hypot(p[0] - 8.0, p[1] - y) for p in drive.track for _, y in drive.obstacles)
    assert nearest > INSCRIBED_M

    walker = Drive({"dock": goal(go("dock_a"))})
    walker.say("dock")
    for i in range(40):
        walker.people = [(7, 6.0 + 0.25 * i, 4.3, 1.25, 0.0)]  # ahead of the robot, on its way
        walker.step()
    assert not walker.core.pursuit.live.lethal.any()


def test_a_way_that_is_closed_for_a_while_makes_the_robot_wait_and_go_on_without_a_refusal():
    drive = Drive({"go": goal(go("gate"))}, at=(20.0, 12.0, 0.0), blocked_patience_s=4.0)
    ring = [(20.0 + 1.6 * np.cos(a), 12.0 + 1.6 * np.sin(a)) for a in np.linspace(0.0, 6.28, 60)]
    drive.obstacles = ring
    drive.run(4.0).say("go").run(10.0)
    assert np.hypot(*(drive.pose[:2] - [20.0, 12.0])) < 1.6
    assert "refusal" not in drive.kinds and drive.last.kind == "info"
    drive.obstacles = []
    drive.run(60.0, until="done")
    assert drive.last.kind == "done"


def test_what_is_out_of_sight_is_forgotten_after_a_while():
    site_map = yard_map()
    live = LiveLayer(site_map, occupied_after_s=1.0, forget_after_s=10.0)
    drive = Drive(localised=False)
    drive.obstacles = [(5.0, 5.0)]
    for _ in range(10):
        drive.now_s += 0.2
        live.add(drive._grid(), np.zeros(3), np.zeros((0, 3)), np.array([2.5, 4.0]))
    assert live.lethal.any()
    drive.pose = np.array([30.0, 15.0, 0.0])
    for _ in range(80):
        drive.now_s += 0.2
        live.add(drive._grid(), np.zeros(3), np.zeros((0, 3)), np.array([30.0, 15.0]))
    assert not live.lethal.any()


def test_of_two_ways_as_long_the_one_over_ground_that_was_seen_is_taken_where_the_unseen_has_a_price():
    site_map = yard_map()
    terrain = site_map.terrain(CLEARANCE_M, 0.0, ())
    start, goal_xy = np.array([20.0, 12.0]), np.array([24.0, 12.0])
    cells, _ = site_map.cells_of(np.array([[20.5, 11.5], [23.5, 12.5]]))
    (top, left), (bottom, right) = cells
    for price, straight in ((0.0, True), (3.0, False)):
        live = LiveLayer(site_map, occupied_after_s=1.0, forget_after_s=10.0, unseen_price=price)
        live.seen[:] = True
        live.seen[top:bottom, left:right] = False
        leg = plan_leg(site_map, terrain, live, start, goal_xy, 0.2)
        assert (np.abs(leg.points[:, 1] - 12.0).max() < 0.3) == straight


def test_a_long_drive_needs_few_searches():
    drive = Drive({"dock": goal(go("dock_b"))})
    drive.say("dock").run(60.0, until="done")
    assert drive.last.kind == "done"
    assert drive.core.pursuit.router.searches <= 3
