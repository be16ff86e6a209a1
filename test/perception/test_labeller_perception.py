"""Boxes of a picture laid on tracks of the LiDAR: which belongs to which, and what is believed after some of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_core import layouts
from physical_ai_perception.camera.bearings import Bearings
from physical_ai_perception.camera.detector import class_of
from physical_ai_perception.camera.labeller import Labeller, match

PERSON, VEHICLE = (layouts.OBJECT_CLASSES.index(name) for name in ("person", "vehicle"))
HERE = np.zeros(3)


def tracks(*places: tuple[float, float], radius: float = 0.25) -> layouts.Rows:
    rows = layouts.empty(layouts.OBJECT, len(places))
    rows["id"], rows["radius"], rows["existence"] = np.arange(7, 7 + len(places)), radius, 0.9
    rows["x"], rows["y"] = np.array(places, dtype=float).reshape(-1, 2).T
    rows["class_id"] = layouts.OBJECT_CLASSES.index("static")
    return rows


def boxes(*seen: tuple[float, float, float], kind: int = PERSON, score: float = 0.8) -> Bearings:
    """(middle_rad, half_rad, range_m) each, from a camera at the origin of the base."""
    middle, half, range_m = np.array(seen, dtype=float).reshape(-1, 3).T
    count = len(seen)
    return Bearings(middle, half, range_m, np.full(count, kind), np.full(count, score), np.zeros(2))


def test_each_box_finds_the_track_at_its_bearing() -> None:
    rows = tracks((5.0, 2.0), (5.0, -2.0), (8.0, 0.0))
    seen = boxes((0.0, 0.03, np.nan), (np.arctan2(2.0, 5.0) + 0.02, 0.05, np.nan))
    assert match(seen, rows, HERE).tolist() == [2, 0]


def test_the_robot_may_have_turned_since_the_start() -> None:
    rows, base = tracks((5.0, 2.0)), np.array([5.0, -1.0, 1.5])
    assert match(boxes((np.pi / 2 - 1.5, 0.05, np.nan)), rows, base).tolist() == [0]


def test_of_two_in_line_the_distance_of_the_foot_decides() -> None:
    rows = tracks((3.0, 0.0), (7.0, 0.1))
    assert match(boxes((0.01, 0.04, 7.2)), rows, HERE).tolist() == [1]
    assert match(boxes((0.01, 0.04, 3.1)), rows, HERE).tolist() == [0]


def test_of_two_in_line_without_a_foot_it_is_the_nearer() -> None:
    assert match(boxes((0.0, 0.04, np.nan)), tracks((7.0, 0.0), (3.0, 0.0)), HERE).tolist() == [1]


def test_a_box_beside_all_tracks_and_no_boxes_or_tracks_at_all_match_nothing() -> None:
    assert match(boxes((1.0, 0.03, np.nan)), tracks((5.0, 0.0)), HERE).tolist() == [-1]
    assert match(boxes((0.0, 0.03, np.nan)), tracks(), HERE).tolist() == [-1]
    assert match(boxes(), tracks((5.0, 0.0)), HERE).tolist() == []


def test_one_box_is_not_enough_and_three_are() -> None:
    labeller, rows = Labeller(), tracks((5.0, 0.0))
    labeller.observe(1.0, boxes((0.0, 0.04, np.nan)), rows, HERE)
    assert labeller.apply(1.0, rows)["class_id"].tolist() == rows["class_id"].tolist()
    for i in range(2):
        labeller.observe(1.5 + 0.5 * i, boxes((0.0, 0.04, np.nan)), rows, HERE)
    assert labeller.apply(2.0, rows)["class_id"].tolist() == [PERSON]


def test_boxes_that_disagree_leave_the_class_to_the_lidar() -> None:
    labeller, rows = Labeller(), tracks((5.0, 0.0))
    for i in range(6):
        labeller.observe(0.5 * i, boxes((0.0, 0.04, np.nan), kind=(PERSON, VEHICLE)[i % 2]), rows, HERE)
    assert labeller.apply(3.0, rows)["class_id"].tolist() == rows["class_id"].tolist()


def test_an_opinion_fades_and_belongs_to_one_id() -> None:
    labeller, rows = Labeller(), tracks((5.0, 0.0))
    for i in range(4):
        labeller.observe(0.5 * i, boxes((0.0, 0.04, np.nan)), rows, HERE)
    other = rows.copy()
    other["id"] += 1
    assert labeller.apply(2.0, other)["class_id"].tolist() == rows["class_id"].tolist()
    assert labeller.apply(90.0, rows)["class_id"].tolist() == rows["class_id"].tolist()
    labeller.clear()
    assert labeller.apply(2.0, rows)["class_id"].tolist() == rows["class_id"].tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-3, 3), st.floats(0, 1.5), st.one_of(st.just(np.nan), st.floats(0.01, 50))), max_size=6
    ),
    st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), max_size=6),
    st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.99, 1.0]), min_size=1, max_size=12),
)
def test_whatever_is_seen_probabilities_stay_probabilities(seen, places, scores) -> None:
    labeller, rows = Labeller(), tracks(*places)
    for i, score in enumerate(scores):
        owner = labeller.observe(0.1 * i, boxes(*seen, score=score), rows, HERE)
        used = owner[owner >= 0].tolist()
        assert len(used) == len(set(used))
    for number in rows["id"].tolist():
        probability = labeller.probability(number, 2.0)
        assert np.isfinite(probability).all()
        assert probability.sum() == pytest.approx(1.0)
    assert set(labeller.apply(2.0, rows)["class_id"].tolist()) <= set(range(len(layouts.OBJECT_CLASSES)))


def test_labels_of_detectors_become_classes_of_objects() -> None:
    assert class_of("Person") == PERSON
    assert class_of("forklift ") == VEHICLE
    assert class_of("potted plant") == 0
