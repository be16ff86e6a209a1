"""What rviz gets of the objects says what they are, where they go and how well that is known."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_core import layouts
from physical_ai_core import messages as m

pytest.importorskip("visualization_msgs.msg")

from physical_ai_perception.markers import marker_array


def objects() -> m.Objects:
    rows = layouts.empty(layouts.OBJECT, 2)
    rows["id"], rows["class_id"], rows["existence"] = [7, 9], [2, 1], [0.9, 1.0]
    rows["x"], rows["y"], rows["radius"] = [1.0, -2.0], [2.0, 0.5], [0.25, 0.1]
    rows["vx"], rows["vy"] = [0.0, 0.0], [1.5, 0.0]
    layouts.set_covariances(rows, np.tile(np.diag([0.01, 0.04, 0.1, 0.1]), (2, 1, 1)))
    return m.Objects(12.5, "odom", rows)


def test_a_walker_has_a_body_an_ellipse_a_name_and_an_arrow_and_a_pole_has_no_arrow() -> None:
    clear, *drawn = marker_array(objects()).markers
    assert clear.action == 3
    walker, pole = ([mark for mark in drawn if mark.id == number] for number in (7, 9))
    assert [mark.ns for mark in walker] == ["bodies", "ellipses", "names", "velocities"]
    assert [mark.ns for mark in pole] == ["bodies", "ellipses", "names"]
    assert all(mark.header.frame_id == "odom" and mark.header.stamp.sec == 12 for mark in drawn)
    body, ellipse, name, arrow = walker
    assert (body.scale.x, body.pose.position.x, body.pose.position.y) == (0.5, 1.0, 2.0)
    assert name.text == "7 person"
    np.testing.assert_allclose([arrow.points[1].x, arrow.points[1].y], [1.0, 3.5])
    np.testing.assert_allclose([ellipse.scale.x, ellipse.scale.y], [0.8, 0.4], rtol=1e-5)
    yaw = 2.0 * np.arctan2(ellipse.pose.orientation.z, ellipse.pose.orientation.w)
    np.testing.assert_allclose(abs(yaw), np.pi / 2)  # the long axis of the ellipse lies along y


def test_no_objects_take_the_last_picture_away() -> None:
    array = marker_array(m.Objects(1.0, "odom", layouts.empty(layouts.OBJECT)))
    assert [mark.action for mark in array.markers] == [3]
