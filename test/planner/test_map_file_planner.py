"""A map that map_server would serve stands in the way as it is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from planner_driver import INSCRIBED_M, scout

from physical_ai_core.errors import SiteError
from physical_ai_core.site import load_site
from physical_ai_planner.map_file import GridMap, load_map, solid
from physical_ai_planner.route import plan_leg
from physical_ai_planner.site_map import SiteMap


def written(folder: Path, picture: np.ndarray, name: str = "map.pgm", **header: object) -> Path:
    Image.fromarray(picture).save(folder / name)
    path = folder / "map.yaml"
    usual = {
        "image": name,
        "resolution": 0.1,
        "origin": [-1.0, 2.0, 0.0],
        "occupied_thresh": 0.65,
        "free_thresh": 0.196,
    }
    path.write_text(yaml.safe_dump({**usual, "negate": 0, **header}), encoding="utf-8")
    return path


def shades() -> np.ndarray:
    """Top row: black, dark grey, middle grey, white; below: white."""
    picture = np.full((3, 4), 254, dtype=np.uint8)
    picture[0] = [0, 80, 150, 254]
    return picture


def test_dark_is_occupied_above_the_threshold_and_the_top_row_is_the_farthest_along_y(tmp_path):
    grid = load_map(written(tmp_path, shades()))
    np.testing.assert_array_equal(grid.occupied[2], [True, True, False, False])  # (255 - 80) / 255 = 0.69
    assert not grid.occupied[:2].any()
    assert solid(grid).bounds == pytest.approx((-1.0, 2.2, -0.8, 2.3))


@pytest.mark.parametrize(
    ("header", "occupied"),
    [
        ({"negate": 1}, [False, False, False, True]),
        ({"occupied_thresh": 0.4}, [True, True, True, False]),
        ({"mode": "raw"}, [False, True, False, False]),
        ({"mode": "scale"}, [True, True, False, False]),
    ],
)
def test_thresholds_negation_and_modes_are_those_of_map_server(tmp_path, header, occupied):
    np.testing.assert_array_equal(load_map(written(tmp_path, shades(), **header)).occupied[2], occupied)


def test_colours_are_averaged_and_in_scale_mode_what_is_transparent_is_unknown(tmp_path):
    picture = np.zeros((1, 3, 4), dtype=np.uint8)
    picture[0, :, 3] = [255, 0, 255]
    picture[0, 2, :3] = [255, 255, 0]
    for mode, occupied in (("trinary", [True, True, False]), ("scale", [True, False, False])):
        grid = load_map(written(tmp_path, picture, "map.png", mode=mode))
        np.testing.assert_array_equal(grid.occupied[0], occupied)


@settings(max_examples=50, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.floats(-3.1, 3.1))
def test_the_shapes_hold_every_occupied_pixel_and_no_more(occupied, yaw):
    grid = GridMap(occupied, 0.25, (3.0, -2.0, yaw))
    shape = solid(grid)
    assert shape.is_valid and shape.area == pytest.approx(occupied.sum() * 0.25**2)
    rows, columns = np.indices(occupied.shape)
    local = 0.25 * (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5)
    c, s = np.cos(yaw), np.sin(yaw)
    centres = local @ np.array([[c, s], [-s, c]]) + [3.0, -2.0]
    np.testing.assert_array_equal(shapely.contains_xy(shape, *centres.T), occupied.ravel())


def test_a_site_with_a_map_is_driven_around_what_the_map_shows(tmp_path):
    picture = np.full((80, 100), 254, dtype=np.uint8)
    picture[20:, 48:52] = 0  # a wall from the bottom, open at the top
    written(tmp_path, picture, origin=[0.0, 0.0, 0.0])
    site_file = tmp_path / "hall.yaml"
    site_file.write_text(
        "name: hall\nstart: a\nmap_file: map.yaml\n"
        "places: {a: {names: {en: [a]}, pose: {x_m: 2.0, y_m: 1.0}}}\n"
        "zones: {limits: {kind: geofence, polygon: [[0, 0], [10, 0], [10, 8], [0, 8]]}}\n"
    )
    site_map = SiteMap(load_site(str(site_file)), scout().radius_m, INSCRIBED_M, 0.1, 0.8)
    leg = plan_leg(site_map, site_map.terrain(0.1, 0.0, ()), None, np.array([2.0, 1.0]), np.array([8.0, 1.0]), 0.2)
    wall = shapely.box(4.8, 0.0, 5.2, 6.0)
    assert leg is not None and shapely.LineString(leg.points).distance(wall) >= scout().radius_m + 0.05
    assert leg.points[:, 1].max() > 6.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1, 2]", "cannot be used"),
        ("image: none.pgm\nresolution: 0.1\norigin: [0, 0, 0]", "cannot be read"),
        ("image: map.yaml\nresolution: 0.1\norigin: [0, 0, 0]", "cannot be read"),
        ("image: a.pgm\nresolution: 0\norigin: [0, 0, 0]", "cannot be used"),
    ],
)
def test_a_spoilt_map_is_refused_with_its_file(tmp_path, content, said):
    path = tmp_path / "map.yaml"
    path.write_text(content)
    with pytest.raises(SiteError, match=said):
        load_map(path)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_bytes_that_are_no_picture_are_a_typed_refusal(tmp_path, content):
    (tmp_path / "m.pgm").write_bytes(content)
    path = tmp_path / "map.yaml"
    path.write_text("image: m.pgm\nresolution: 0.1\norigin: [0, 0, 0]")
    try:
        load_map(path)
    except SiteError:
        return
