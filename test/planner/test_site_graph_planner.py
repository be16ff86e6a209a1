"""A large site is searched in two steps, and what comes out is the way that the search of every cell finds."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_driver import INSCRIBED_M, scout, yard, yard_map
from scipy import ndimage

from physical_ai_planner import route
from physical_ai_planner.live import LiveLayer
from physical_ai_planner.route import plan_leg
from physical_ai_planner.search import Field
from physical_ai_planner.site_graph import EIGHT, SiteGraph, way_within
from physical_ai_planner.site_map import SiteMap

grids = st.tuples(st.integers(0, 10_000), st.integers(9, 60), st.integers(9, 60), st.floats(0.05, 0.45))


def random_grid(seed: int, rows: int, columns: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    free = ndimage.gaussian_filter(rng.random((rows, columns)), 1.0) > 0.5 - 0.2 * (0.5 - share)
    return free, 1.0 + rng.random((rows, columns))


@settings(max_examples=60, deadline=None)
@given(grids)
def test_the_graph_joins_what_the_grid_joins_and_nothing_else(grid):
    free, cost = random_grid(*grid)
    graph, parts = SiteGraph(free, cost), ndimage.label(free, EIGHT)[0]
    cells = np.argwhere(free)
    if not len(cells):
        return
    some = cells[np.random.default_rng(0).integers(len(cells), size=12)]
    joined = np.isfinite(graph.lengths(some))
    part = parts[some[:, 0], some[:, 1]]
    np.testing.assert_array_equal(joined, part[:, None] == part[None])


@settings(max_examples=60, deadline=None)
@given(grids)
def test_a_way_within_the_corridor_exists_where_any_does_and_costs_little_more_than_the_best(grid):
    free, cost = random_grid(*grid)
    graph, price = SiteGraph(free, cost), np.where(free, cost, np.inf)
    cells = [tuple(c) for c in np.argwhere(free)]
    if not cells:
        return
    start, goal = cells[0], cells[-1]
    best = Field(price, goal)
    corridor = graph.corridor(price, *(graph.piece_near(c, 0) for c in (start, goal)))
    assert (corridor is None) == (best.way(start) is None)
    if corridor is not None:
        way = way_within(price, corridor, start, goal)
        assert free[way[:, 0], way[:, 1]].all() and np.abs(np.diff(way, axis=0)).max(initial=0) <= 1
        np.testing.assert_array_equal(way[[0, -1]], [start, goal])
        steps = np.hypot(*np.diff(way, axis=0).T)
        at = price[way[:, 0], way[:, 1]]
        assert (
            np.sum(0.5 * steps * (at[1:] + at[:-1]))
            <= 1.3 * best.cost_to_go[np.ravel_multi_index(start, free.shape)] + 3.0
        )


def test_over_the_yard_both_searches_give_the_same_way(monkeypatch):
    site_map = yard_map(0.1)
    terrain = site_map.terrain(0.1, 0.1, ())
    places = [place.pose.as_array() for place in yard().places.values()]
    for start, end in zip(places, places[3:] + places[:3], strict=True):
        whole = plan_leg(site_map, terrain, None, start, end, 0.2, free_goal=True)
        monkeypatch.setattr(route, "WHOLE_CELLS", 0)
        parts = plan_leg(site_map, terrain, None, start, end, 0.2, free_goal=True)
        monkeypatch.undo()
        assert parts is not None and parts.cost <= 1.02 * whole.cost


def test_what_the_sensors_see_turns_the_far_way_too(monkeypatch):
    monkeypatch.setattr(route, "WHOLE_CELLS", 0)
    site_map = SiteMap(yard(), scout().radius_m, INSCRIBED_M, 0.1, 0.8)
    terrain, live = site_map.terrain(0.1, 0.1, ()), LiveLayer(site_map, 1.0, 60.0)
    start, end = np.array([12.0, 20.0]), np.array([28.0, 20.0])
    free = plan_leg(site_map, terrain, live, start, end, 0.2)
    assert np.any(free.points[:, 1] > 18.9)  # behind or between the shelves
    rows = slice(*(int((y - site_map.origin[1]) / site_map.resolution_m) for y in (18.7, 23.7)))
    column = int((20.0 - site_map.origin[0]) / site_map.resolution_m)
    live._occupied[rows, column] = True
    live._distance = live._distances(live._occupied)
    live._lethal = live._distance < site_map.inscribed_m
    around = plan_leg(site_map, terrain, live, start, end, 0.2)
    assert not around.cut and np.any(around.points[:, 1] < 18.0)


@pytest.mark.parametrize("point", [(2.5, 4.0), (36.5, 5.0), (13.0, 13.0)])
def test_distances_are_exact_near_and_never_too_large_far_away(point):
    site_map = yard_map()
    row, column = site_map.cells_of(point)[0][0]
    centre = site_map.centres_of([row, column])[0]
    exact = site_map.structures.distance(shapely.Point(*centre))
    found = site_map.to_structure_m[row, column]
    assert found <= exact + 1e-9
    if exact < 2.0:
        assert found == pytest.approx(exact)
