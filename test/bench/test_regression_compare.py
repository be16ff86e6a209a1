"""Outputs against a reference: tolerances hold, what differs is named, what is ignored is, the disk loses nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physical_ai_bench.regression import spoken
from physical_ai_bench.regression.compare import PRESENCE, compare
from physical_ai_bench.regression.provenance import Provenance, changes
from physical_ai_bench.regression.reference import Reference, ReferenceError, load, rounded, save
from physical_ai_bench.regression.spoken import Listener, Spoken, digest_of, sketch, split_numbers
from physical_ai_bench.regression.tolerances import Tolerance, Tolerances, load_tolerances
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.reports import Verdict

TWISTS = st.lists(
    st.tuples(st.floats(-3.0, 3.0), st.floats(-2.0, 2.0)), min_size=1, max_size=20
)  # fmt: skip


def said(*messages: tuple[str, Any, float], tolerances: Tolerances | None = None) -> Spoken:
    listener = Listener(frozenset(topic for topic, _, _ in messages), tolerances or Tolerances())
    for topic, data, now_s in messages:
        listener.tap(topic, data, now_s)
    return listener.spoken()


def driven(speeds: list[tuple[float, float]]) -> list[tuple[str, Any, float]]:
    return [("cmd_vel", m.Twist(0.1 * k, "base_link", v, w), 0.1 * k) for k, (v, w) in enumerate(speeds)]


@given(TWISTS)
def test_the_same_is_the_same_to_the_bit(speeds: list[tuple[float, float]]) -> None:
    one, two = said(*driven(speeds)), said(*driven(speeds))
    verdict = compare(one, two, Tolerances(default=Tolerance()))
    assert verdict.same and verdict.identical == ("cmd_vel",) and digest_of(one) == digest_of(two)


def frequent(seed: int, count: int) -> list[tuple[str, Any, float]]:
    """Payloads that are taken apart by columns: odd numbers, no or many rows, absent parts, nested reports."""
    rng, told = np.random.default_rng(seed), []
    for k in range(count):
        cov = rng.normal(size=(6, 6))
        cov[0, 0] = rng.choice([1.0, np.nan, np.inf])
        rows = np.zeros(int(rng.integers(0, 4 if seed % 2 else 30)), layouts.OBJECT)
        rows["x"], rows["id"] = rng.normal(size=len(rows)), rng.integers(0, 99, size=len(rows))
        at, q = rng.normal(size=3), rng.normal(size=4)
        change = [{"rule": "limit", "numbers": {"distance_m": float(rng.normal())}}] * int(rng.integers(0, 3))
        told += [
            ("state/odometry", m.Odometry(0.1 * k, rng.choice(["odom", "map 2"]), "base", at, q, at, at, cov), 0.1 * k),
            ("state/objects", m.Objects(0.1 * k, "odom", rows), 0.1 * k),
            ("state/map_to_odom", m.Pose(0.1 * k, "map", at, q, None if rng.random() < 0.3 else cov), 0.1 * k),
            ("safety/verdict", Verdict(0.1 * k, "clear", "none", [1.0, 0.0], [0.5 * k, 0.0], change), 0.1 * k),
            ("emergency_stop", m.Flag(bool(k % 2)), 0.1 * k),
        ]
    return told


@pytest.mark.parametrize("ignore", [(), ("state/odometry.pose_cov", "state/objects.rows.x", "safety/verdict.stamp_s")])
@given(st.integers(0, 2**20), st.integers(1, 9))
def test_by_columns_and_one_by_one_are_the_same_bits(ignore: tuple[str, ...], seed: int, count: int) -> None:
    told, tolerances = frequent(seed, count), Tolerances(ignore=ignore)
    whole = said(*told, tolerances=tolerances)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spoken, "BATCH", 1)
        single = said(*told, tolerances=tolerances)
    assert {topic: series.sha256 for topic, series in whole.items()} == {t: s.sha256 for t, s in single.items()}
    assert compare(whole, single, Tolerances(default=Tolerance())).same


@given(TWISTS, st.integers(0, 19), st.floats(1e-9, 0.9e-3), st.sampled_from([-1.0, 1.0]))
def test_a_change_below_the_tolerance_passes_and_its_bits_are_told(
    speeds: list[tuple[float, float]], index: int, by: float, sign: float
) -> None:
    k = index % len(speeds)
    other = [*speeds[:k], (speeds[k][0] + sign * by, speeds[k][1]), *speeds[k + 1 :]]
    tolerances = Tolerances(default=Tolerance(), fields={"cmd_vel.linear_x_mps": Tolerance(absolute=1e-3)})
    verdict = compare(said(*driven(other)), said(*driven(speeds)), tolerances)
    assert verdict.same
    if other[k][0] != speeds[k][0]:
        assert verdict.identical == ()
        assert verdict.nearest is not None and verdict.nearest[0] == "cmd_vel.linear_x_mps"


@given(TWISTS, st.integers(0, 19), st.floats(1.1e-3, 1.0))
def test_a_change_above_it_is_named_with_stamp_value_and_reference(
    speeds: list[tuple[float, float]], index: int, by: float
) -> None:
    k = index % len(speeds)
    other = [*speeds[:k], *((v + by, w) for v, w in speeds[k:])]
    tolerances = Tolerances(default=Tolerance(), fields={"cmd_vel.linear_x_mps": Tolerance(absolute=1e-3)})
    (found,) = compare(said(*driven(other)), said(*driven(speeds)), tolerances).deviations
    assert (found.topic, found.field, found.count) == ("cmd_vel", "linear_x_mps", len(speeds) - k)
    assert found.at_s == pytest.approx(0.1 * k)
    assert float(found.value) == pytest.approx(other[k][0], rel=1e-6, abs=1e-6)
    assert float(found.reference) == pytest.approx(speeds[k][0], rel=1e-6, abs=1e-6)
    assert found.most == pytest.approx(by, rel=1e-3)
    assert found.most_times_tolerance == pytest.approx(by / 1e-3, rel=1e-3)


def test_a_message_more_does_not_shift_those_after_it() -> None:
    speeds = [(0.1 * k, 0.0) for k in range(10)]
    more = [*driven(speeds), ("cmd_vel", m.Twist(0.45, "base_link", 9.0, 0.0), 0.45)]
    more.sort(key=lambda one: one[2])
    (found,) = compare(said(*more), said(*driven(speeds)), Tolerances()).deviations
    assert (found.field, found.value, found.reference, found.count) == (PRESENCE, "said", "not said", 1)
    (found,) = compare(said(*driven(speeds)), said(*more), Tolerances()).deviations
    assert (found.value, found.reference) == ("not said", "said")


def test_a_silent_topic_is_named() -> None:
    both = said(*driven([(0.0, 0.0)]), ("tool", m.Flag(True), 0.0))
    (found,) = compare(said(*driven([(0.0, 0.0)])), both, Tolerances()).deviations
    assert (found.topic, found.value, found.reference) == ("tool", "never said", "said")


def verdict_of(state: str, distance_m: float, rule: str = "stop_distance") -> Verdict:
    note = {"rule": rule, "clause": "scan", "numbers": {"distance_m": distance_m}}
    text = f"Something is {distance_m} m ahead."
    return Verdict(1.0, state, "autonomy", [0.5, 0.0], [0.1, 0.0], [note], text, "")


def test_numbers_inside_reports_and_texts_have_tolerances_and_their_words_have_none() -> None:
    tolerances = Tolerances(default=Tolerance(absolute=1e-3))
    reference = said(("safety/verdict", verdict_of("limited", 1.25), 1.0))
    near = said(("safety/verdict", verdict_of("limited", 1.2504), 1.0))
    assert compare(near, reference, tolerances).same
    far = compare(said(("safety/verdict", verdict_of("limited", 1.5), 1.0)), reference, tolerances)
    assert {one.field for one in far.deviations} == {"interventions.0.numbers.distance_m", "en#"}
    other = compare(said(("safety/verdict", verdict_of("clear", 1.25, "zone"), 1.0)), reference, tolerances)
    assert {(one.field, one.value, one.reference) for one in other.deviations} == {
        ("state", "clear", "limited"), ("interventions.0.rule", "zone", "stop_distance"),
    }  # fmt: skip


def test_ignored_fields_are_zeroed_and_do_not_even_change_the_hash() -> None:
    tolerances = Tolerances(default=Tolerance(), ignore=("cmd_vel.angular*",))
    one = said(*driven([(1.0, 0.5)]), tolerances=tolerances)
    two = said(*driven([(1.0, -9.0)]), tolerances=tolerances)
    assert compare(one, two, tolerances).same and digest_of(one) == digest_of(two)
    assert one["cmd_vel"].numbers["angular_z_rps"].values.tolist() == [0.0]
    assert not compare(said(*driven([(2.0, 0.5)]), tolerances=tolerances), two, tolerances).same


def test_not_a_number_is_the_same_as_itself_and_as_nothing_else() -> None:
    nan, number = driven([(math.nan, 0.0)]), driven([(0.0, 0.0)])
    assert compare(said(*nan), said(*nan), Tolerances()).same
    assert not compare(said(*nan), said(*number), Tolerances(default=Tolerance(absolute=1e9))).same
    assert not compare(said(*number), said(*nan), Tolerances(default=Tolerance(absolute=1e9))).same
    infinite = driven([(math.inf, 0.0)])
    assert compare(said(*infinite), said(*infinite), Tolerances()).same
    assert not compare(said(*infinite), said(*number), Tolerances(default=Tolerance(absolute=1e9))).same


def grid(cells: Any) -> tuple[str, Any, float]:
    return "state/occupancy", m.OccupancyGrid(1.0, "odom", 0.1, np.zeros(3), np.asarray(cells, dtype=np.int8)), 1.0


def test_a_long_array_is_kept_as_a_sketch_that_sees_its_length_and_its_mean() -> None:
    cells = np.zeros((100, 100))
    reference = said(grid(cells))
    assert reference["state/occupancy"].numbers["cells"].counts.tolist() == [12]
    more = cells.copy()
    more[40:60, 40:60] = 100
    (found,) = compare(said(grid(more)), reference, Tolerances()).deviations
    assert found.field == "cells" and "100" in found.value
    (found,) = compare(said(grid(cells[:50])), reference, Tolerances()).deviations
    assert (found.value, found.reference) == ("5000 elements", "10000 elements")
    one = cells.copy()
    one[3, 3] = 1  # no probe there, and the mean hardly moves: within the tolerances, yet not the same bits
    verdict = compare(said(grid(one)), reference, Tolerances(default=Tolerance(absolute=2.0)))
    assert verdict.same and not verdict.identical


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=60), st.integers(0, 9))
def test_a_sketch_is_finite_where_it_can_be(values: list[float], probes: int) -> None:
    found = sketch(np.array(values, dtype=np.float32), probes)
    finite = [value for value in values if math.isfinite(value)]
    assert len(found) == 4 + probes and found[0] == pytest.approx(len(finite) / len(values))
    if finite:
        assert found[2] == min(finite) and found[3] == max(finite)


@given(st.floats(-1e6, 1e6), st.text("abcö 棚、", max_size=10))
def test_numbers_leave_a_text_and_names_stay(number: float, words: str) -> None:
    frame, numbers = split_numbers(f"{words} is {number:.6f} m, dock_2 B3 v1.2.3")
    assert frame.startswith(f"{words} is # m, dock_2 B3") and numbers[0] == pytest.approx(number, abs=1e-6)


PROVENANCE = Provenance("1", {"a": "x"}, {"w.npz": "1"}, {"site yard": "f"}, {"controller": {"speed": 1.0}}, "m")


def reference_of(spoken: Spoken) -> Reference:
    return Reference("graph", "bag", "b" * 64, "scout", digest_of(spoken), 16, 8, PROVENANCE, spoken)


@settings(max_examples=30)
@given(TWISTS, st.lists(st.sampled_from(["clear", "limited", "停止"]), max_size=5))
def test_a_reference_comes_back_from_the_disk(
    tmp_path_factory: pytest.TempPathFactory, speeds: list[tuple[float, float]], states: list[str]
) -> None:
    messages = [*driven(speeds), *(("safety/verdict", verdict_of(s, 1.0), 0.3 * k) for k, s in enumerate(states))]
    spoken = said(*messages)
    kept = reference_of(spoken)
    back = load(save(kept, tmp_path_factory.mktemp("r") / "a.reference"))
    assert replace(back, spoken={}) == replace(kept, spoken={})
    tight = Tolerances(default=Tolerance(absolute=1e-12, relative=1e-8))
    verdict = compare(spoken, back.spoken, tight)
    assert verdict.same and len(verdict.identical) == len(spoken)


@given(st.lists(st.floats(width=64), max_size=30))
def test_rounding_for_the_disk_is_far_below_any_tolerance(values: list[float]) -> None:
    given_ = np.array(values, dtype=np.float64)
    found = rounded(given_)
    normal = np.isfinite(given_) & (np.abs(given_) > 1e-300)
    assert np.array_equal(np.isfinite(found), np.isfinite(given_))
    assert (np.abs(found[normal] - given_[normal]) <= 4e-9 * np.abs(given_[normal])).all()


def test_a_reference_that_is_none_is_refused(tmp_path: Path) -> None:
    path = save(reference_of(said(*driven([(1.0, 0.0)] * 50))), tmp_path / "a.reference")
    content = path.read_bytes()
    with pytest.raises(ReferenceError, match=r"no reference .*--update-ref"):
        load(tmp_path / "b.reference")
    for spoilt in (b"", content[:-7], b"something else", content[:40] + bytes([content[40] ^ 1]) + content[41:]):
        path.write_bytes(spoilt)
        with pytest.raises(ReferenceError):
            load(path)


def test_what_changed_since_the_reference_is_named() -> None:
    now = replace(
        PROVENANCE, models={"w.npz": "2"}, parameters={"controller": {"speed": 0.9}}, software={"a": "y"}, machine="n"
    )
    lines = changes(PROVENANCE, now)
    assert lines[0] == "parameter controller.speed: 1.0 -> 0.9"
    assert lines[1:3] == ["model w.npz: 1 -> 2", "software a: x -> y"] and lines[3].startswith("machine")
    assert changes(PROVENANCE, PROVENANCE) == []


def test_the_packages_tolerances_are_valid_and_bad_ones_are_refused(tmp_path: Path) -> None:
    found = load_tolerances()
    assert found.ignored("controller/status", "solve_ms") and not found.ignored("cmd_vel", "linear_x_mps")
    assert found.of("state/odometry", "pose_cov").relative > found.of("state/odometry", "position_m").relative
    file = tmp_path / "t.yaml"
    for text, match in (
        ("default: {absolute: -1}", "absolute"), ("feilds: {}", "feilds"), ("ignore: [cmdvel.x]", "no topic 'cmdvel'"),
        ("schema_version: 2", "schema_version"), ("[", "cannot be used"),
    ):  # fmt: skip
        file.write_text(text)
        with pytest.raises(InputError, match=match):
            load_tolerances(str(file))
