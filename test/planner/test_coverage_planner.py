"""A field of any shape is covered: nearly all that can be reached, and nothing beyond its edge."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from coverage_fields import fields, random_field
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from physical_ai_core.geometry import path_length
from physical_ai_planner.coverage import CoverageSettings, cover, judge
from physical_ai_planner.coverage.order import order
from physical_ai_planner.coverage.swaths import best_cells, cells, directions
from physical_ai_planner.coverage.turns import dubins

START = np.array([-20.0, -20.0, 0.0])
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
widths = st.tuples(st.floats(0.3, 1.5), st.floats(0.0, 0.2), st.integers(1, 3))


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(fields, widths)
@example(random_field(448, 6, 0, 8.0), (0.5, 0.0, 3))  # crosses itself by rounding once it is turned
def test_every_field_with_holes_is_covered_and_the_implement_stays_within(field, wide):
    width, overlap, headlands = wide
    area = field.buffer(-0.5 * width)
    reachable = area.buffer(0.5 * width)
    assume(area.area > width**2)
    course = cover(area, CoverageSettings(width - overlap * width, width, headlands), START)
    found = judge(course, reachable, field, width)
    assert found.covered >= 0.98
    assert found.outside_m2 <= 1e-3 * reachable.area
    worked = shapely.MultiLineString([piece.points for piece in course if piece.work])
    assert area.buffer(0.002).covers(worked)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(fields, st.floats(0.2, 1.5), st.floats(0.0, np.pi))
def test_swaths_of_any_direction_pass_within_half_a_spacing_of_every_point(field, spacing, heading):
    found = cells(field, spacing, heading)
    lines = [shapely.LineString([s.first, s.last]) for cell in found for s in cell if s.length_m > 1e-9]
    assert field.difference(shapely.union_all(lines).buffer(0.5 * spacing + 1e-3)).area <= 0.02 * field.area


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(fields, st.floats(0.2, 1.5))
def test_swaths_of_a_cell_lie_side_by_side_in_order(field, spacing):
    for cell in best_cells(field, spacing, 4.0, 10.0):
        for before, after in pairwise(cell):
            along = (before.last - before.first) / max(before.length_m, 1e-9)
            apart = abs(float(np.cross(np.append(along, 0.0), np.append(after.first - before.first, 0.0))[2]))
            assert apart <= spacing + 1e-6


def test_the_direction_is_along_the_long_edges_so_that_turns_are_few():
    slanted = shapely.affinity.rotate(shapely.box(0.0, 0.0, 40.0, 8.0), 33.0)
    assert np.degrees(directions(slanted)[0]) == pytest.approx(33.0, abs=0.1)
    (cell,) = best_cells(slanted, 1.0, 4.0, 10.0)
    assert len(cell) == 8 and all(swath.length_m == pytest.approx(40.0, abs=0.1) for swath in cell)


def test_every_piece_of_a_field_is_driven_and_the_way_between_is_without_the_implement():
    field = shapely.box(0.0, 0.0, 10.0, 8.0) | shapely.box(14.0, 0.0, 24.0, 8.0)
    course = cover(field.buffer(-0.5), CoverageSettings(0.9, 1.0), START)
    worked = shapely.MultiLineString([p.points for p in course if p.work])
    assert all(worked.intersects(part) for part in shapely.get_parts(field))
    assert field.buffer(-0.499).covers(worked)
    between = [p for p in course if not p.work and shapely.LineString(p.points).length > 4.0]
    assert len(between) <= 3  # to the field, and once across, and perhaps to the other end


def test_a_course_is_one_line_from_the_robot_to_its_end():
    field = shapely.box(0.0, 0.0, 20.0, 12.0) - shapely.box(6.0, 4.0, 9.0, 7.0)
    course = cover(field.buffer(-0.4), CoverageSettings(0.7, 0.8, 2), START)
    np.testing.assert_array_equal(course[0].points[0], START[:2])
    for before, after in pairwise(course):
        np.testing.assert_allclose(before.points[-1], after.points[0], atol=1e-9)


def test_nothing_to_cover_gives_no_course():
    assert cover(shapely.Polygon(), CoverageSettings(0.5, 0.6), START) == []
    assert cover(shapely.box(0, 0, 1, 1).buffer(-0.6), CoverageSettings(0.5, 0.6), START) == []


def test_route_lengths_decide_the_order_not_the_straight_line():
    left, right = shapely.box(0.0, 0.0, 6.0, 6.0), shapely.box(8.0, 0.0, 14.0, 6.0)
    far_over = shapely.box(0.0, 9.0, 6.0, 15.0)

    def walled(points):
        line = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        above = points[:, 1] > 7.5
        return line + 100.0 * (above[:, None] != above[None])  # a long way round between above and below

    field = (left | right | far_over).buffer(-0.5)
    course = cover(field, CoverageSettings(0.9, 1.0), np.array([3.0, 7.0]), walled)
    sides = [bool(p.points[0, 1] > 7.5) for p in course if p.work]
    assert sum(a != b for a, b in pairwise(sides)) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5))
def test_an_order_visits_every_part_once_and_is_no_worse_than_the_nearest_next(seed, parts):
    rng = np.random.default_rng(seed)
    at = rng.uniform(0.0, 50.0, (2 * parts, 2))
    part = np.repeat(np.arange(parts), 2)
    between = np.hypot(*(np.vstack([[[0.0, 0.0]], at])[:, None] - at[None]).transpose(2, 0, 1))
    chosen = order(between, np.zeros(2 * parts), part)
    assert sorted(part[chosen]) == list(range(parts))

    def length(ways):
        return between[0, ways[0]] + sum(between[a + 1, b] for a, b in pairwise(ways))

    left, here, nearest = set(range(2 * parts)), 0, []
    while left:
        way = min(left, key=lambda w: between[here, w])
        nearest.append(way)
        left -= {w for w in left if part[w] == part[way]}
        here = way + 1
    assert length(chosen) <= length(nearest) + 1e-6


poses = st.tuples(st.floats(-8.0, 8.0), st.floats(-8.0, 8.0), st.floats(-3.1, 3.1))


@settings(max_examples=150, deadline=None)
@given(poses, poses, st.floats(0.3, 3.0))
def test_a_turn_ends_at_the_goal_and_no_bend_of_it_is_tighter_than_the_radius(start, goal, radius):
    found = list(dubins(start, goal, radius))
    assert found
    lengths = [path_length(points) for points in found]
    assert lengths[0] >= np.hypot(goal[0] - start[0], goal[1] - start[1]) - 1e-6
    for points in found:
        np.testing.assert_allclose(points[[0, -1]], [start[:2], goal[:2]], atol=1e-5)
        steps = np.diff(points, axis=0)
        steps = steps[np.hypot(*steps.T) > 1e-9]
        if len(steps) < 2:
            continue
        heading = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        run = 0.5 * (np.hypot(*steps[1:].T) + np.hypot(*steps[:-1].T))
        assert np.all(np.abs(np.diff(heading)) <= run / radius * 1.05 + 1e-6)


def test_a_robot_that_cannot_pivot_turns_in_the_headland_and_stays_in_the_field():
    field = shapely.box(0.0, 0.0, 40.0, 25.0)
    course = cover(field.buffer(-0.5), CoverageSettings(0.9, 1.0, 3, 1.2), START, free=field.buffer(-0.3))
    turns = [p for p in course if 2 < len(p.points) < 60]
    unfit = [p for p in course if not p.fits]
    assert len(turns) > 10 and len(unfit) <= 2
    assert field.covers(shapely.MultiLineString([p.points for p in course[1:] if p.fits]))
