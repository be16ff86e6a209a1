"""The benchmark of covering says what the planner does, on the same ground as its peer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from physical_ai_bench.benchmarks.coverage import FieldFile, draw, one_sweep, routed, scene_of
from physical_ai_planner.coverage import judge

SPLIT = FieldFile("split", [(0, 0), (14, 0), (14, 8), (0, 8)], keep_out=[[(6, 0.5), (8, 0.5), (8, 9), (6, 9)]])


def test_every_piece_is_covered_where_one_sweep_covers_the_largest(tmp_path):
    scene = scene_of(SPLIT)
    width = scene.fields.settings.width_m
    reachable = scene.field.area.buffer(0.5 * width)
    course = routed(scene, scene.fields.course(scene.field, scene.terrain, scene.start))
    whole, plain = (judge(p, reachable, scene.zone, width) for p in (course, one_sweep(scene)))
    assert whole.covered > 0.99 and whole.outside_m2 == pytest.approx(0.0, abs=1e-6)
    assert plain.covered < 0.6
    for before, after in pairwise(course):
        np.testing.assert_allclose(before.points[-1], after.points[0], atol=1e-6)
    assert (tmp_path / draw([(scene, course)], tmp_path)).stat().st_size > 10_000
