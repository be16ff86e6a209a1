"""The yard can be driven: what stands there is seen by the LiDAR, and every place has a wide way to it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, label
from shapely import Polygon, contains_xy, union_all

from physical_ai_core.geometry import Array
from physical_ai_core.robot import load_robot
from physical_ai_core.site import ZoneKind, load_site

SITE = load_site("yard")
CELL_M = 0.05
CORRIDOR_M = 0.5  # free on either side of the centre line


def free_room() -> Array:
    """Distance (H, W) of each cell of the yard to the next structure or keep-out zone, m."""
    solids = [Polygon(s.outline()) for s in SITE.structures.values()]
    shut = union_all([*solids, *(zone.shape for zone in SITE.zones_of(ZoneKind.KEEP_OUT).values())])
    y, x = np.mgrid[0.0:24.0:CELL_M, 0.0:40.0:CELL_M]
    return np.asarray(distance_transform_edt(~contains_xy(shut, x, y)) * CELL_M)


def cell(x_m: float, y_m: float) -> tuple[int, int]:
    return round(y_m / CELL_M), round(x_m / CELL_M)


def test_every_place_is_reached_along_a_corridor_of_half_a_metre_on_either_side() -> None:
    room = free_room()
    corridors, _ = label(room >= CORRIDOR_M)
    regions = {name: corridors[cell(place.pose.x_m, place.pose.y_m)] for name, place in SITE.places.items()}
    assert set(regions.values()) == {regions[SITE.start]}
    assert regions[SITE.start] != 0


def test_the_lidar_sees_every_structure() -> None:
    plane_m = load_robot("scout").mount("lidar").xyz_m[2]
    assert all(structure.height_m > plane_m + 0.15 for structure in SITE.structures.values())


@pytest.mark.parametrize("place", sorted(SITE.places))
def test_the_robot_fits_where_it_is_told_to_stand(place: str) -> None:
    pose = SITE.places[place].pose
    assert free_room()[cell(pose.x_m, pose.y_m)] > load_robot("scout").radius_m + 0.1
