"""What rviz gets of the world model: ways whose opacity is their weight, regions of 90 %, and who speaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.geometry import Array

pytest.importorskip("visualization_msgs.msg")

from physical_ai_world_model.markers import KALMAN, LEARNT, marker_array
from physical_ai_world_model.predictor import Fan, mixture_rows

TIMES_S: Array = np.arange(25, dtype=np.float64) * 0.2


def said() -> m.Prediction:
    """Object 7 goes along y in one of two ways, a heavy and a light one; object 9 stands."""
    mean, cov = np.zeros((2, 2, 25, 4)), np.zeros((2, 2, 25, 2, 2))
    mean[0, :, :, 1] = np.array([1.0, 2.0])[:, None] * TIMES_S
    mean[1, :, :, 0] = 5.0
    cov[..., 0, 0], cov[..., 1, 1] = 0.01 + 0.0 * TIMES_S, 0.04 * (1.0 + TIMES_S)
    fan = Fan(mean, cov, np.array([[0.9, 0.1], [1.0, 0.0]]))
    return m.Prediction(12.5, "odom", mixture_rows(fan, np.array([7, 9], dtype=np.uint32), np.full(2, 0.3), TIMES_S))


def of(array: Any, space: str) -> list[Any]:
    return [mark for mark in array.markers if mark.ns == space]


def test_each_way_is_a_line_whose_opacity_follows_its_weight_and_whose_colour_says_who_speaks() -> None:
    array = marker_array(said(), {7}, None)
    assert array.markers[0].action == 3
    heavy, light, standing = of(array, "ways")
    assert heavy.color.a > 3.0 * light.color.a > 0.0
    np.testing.assert_allclose([heavy.color.r, heavy.color.g, heavy.color.b], LEARNT, rtol=1e-6)
    np.testing.assert_allclose([standing.color.r, standing.color.g, standing.color.b], KALMAN, rtol=1e-6)
    assert (heavy.points[0].y, heavy.points[-1].y) == (0.0, pytest.approx(4.8))
    assert all(mark.header.frame_id == "odom" and mark.header.stamp.sec == 12 for mark in array.markers[1:])
    assert len({(mark.ns, mark.id) for mark in array.markers[1:]}) == len(array.markers) - 1


def test_regions_hold_ninety_percent_at_their_moments_and_light_ways_have_none() -> None:
    regions = of(marker_array(said(), {7}, None), "regions")
    assert len(regions) == 2 * 4
    first = regions[0]
    assert first.pose.position.y == pytest.approx(1.0)
    np.testing.assert_allclose([first.scale.x, first.scale.y], 2.0 * np.sqrt(4.605 * np.array([0.08, 0.01])), rtol=1e-4)
    yaw = 2.0 * np.arctan2(first.pose.orientation.z, first.pose.orientation.w)
    np.testing.assert_allclose(abs(yaw), np.pi / 2)  # the long axis lies along y
    assert [mark.pose.position.y for mark in regions[:4]] == pytest.approx([1.0, 2.0, 3.0, 4.8])


def test_the_robots_own_path_is_drawn_where_there_is_one() -> None:
    poses = np.column_stack([np.linspace(0.0, 1.0, 25), np.zeros(25), np.zeros(25)])
    array = marker_array(said(), {7}, m.Path(12.5, "odom", poses, 12.5 + TIMES_S))
    assert [mark.points[-1].x for mark in of(array, "own path")] == [1.0]
    assert not of(marker_array(said(), {7}, None), "own path")


def test_nothing_predicted_takes_the_last_picture_away() -> None:
    array = marker_array(m.Prediction(1.0, "odom", layouts.empty(layouts.PREDICTION)), (), None)
    assert [mark.action for mark in array.markers] == [3]
