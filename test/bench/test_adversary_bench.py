"""The adversary can crash a robot without the gate, and not one with it; its world is honest and its runs repeat."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.adversary import search, table, world
from physical_ai_bench.adversary.episode import STEP_S, Loop
from physical_ai_bench.adversary.scenes import KINDS, Scene, draw
from physical_ai_bench.adversary.setups import LAYOUTS, setup
from physical_ai_bench.adversary.tactics import Homing, Script
from physical_ai_core.errors import InputError

SQUARE = np.array([[0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]])
NONE4, NONE5 = np.empty((0, 4)), np.empty((0, 5))
AHEAD = Script("ahead", [(2.0, 0.0, 9.0)])


def scene(walls: object = (), rounds: object = (), kind: str = "wall") -> Scene:
    """A plain scene with nominal senses: the robot at the origin looks along x."""
    drawn = draw("wall", np.random.default_rng(3))
    senses = replace(
        drawn.senses, rays=360, full_circle=True, scan_ticks=3, scan_delay_ticks=1, noise_m=0.005, dropouts=0.0,
        dead_steps=4, lag_s=0.04, braking=1.0,
    )  # fmt: skip
    return replace(
        drawn, kind=kind, setup=setup("default", "scout"), start=(0.0, 0.0, 0.0), senses=senses,
        walls=np.array(walls, dtype=float).reshape(-1, 4), rounds=np.array(rounds, dtype=float).reshape(-1, 5),
    )  # fmt: skip


def test_a_ray_ends_at_the_nearest_thing() -> None:
    out, hits = np.empty(2), np.zeros(1, dtype=np.int64)
    rounds = np.array([[-2.0, 0.0, 0.5, 0.0, 0.0]])
    world.cast(0.0, 0.0, 0.0, np.array([0.0, math.pi]), np.array([[3.0, -1.0, 3.0, 1.0]]), rounds, out, hits)
    assert out.tolist() == pytest.approx([3.0, 1.5]) and hits.tolist() == [1]


@pytest.mark.parametrize(
    ("segment", "gap"),
    [((1.0, -1.0, 1.0, 1.0), 0.5), ((-2.0, 0.0, 2.0, 0.0), 0.0), ((0.1, 0.1, 0.2, 0.2), 0.0),
     ((0.8, 0.9, 2.0, 2.0), 0.5)],
)  # fmt: skip
def test_the_gap_to_a_segment_is_that_of_the_nearest_points(segment: tuple[float, ...], gap: float) -> None:
    assert world.segment_gap(SQUARE[[0, 1, 2, 3]], *segment)[0] == pytest.approx(gap)


def test_the_base_brakes_no_harder_than_it_is_told_it_can() -> None:
    state, seen = np.array([0.0, 0.0, 0.0, 1.5, 0.0]), world.fresh_seen()
    base = np.array([0.0, 1.5, 3.0, 3.0, 8.0, 2.5, 0.0, 0.0])
    world.advance(state, np.zeros((400, 2)), 0, 400, 0, STEP_S, base, SQUARE, NONE4, NONE5, NONE4, 0.04, seen)
    assert state[3] == 0.0 and state[0] == pytest.approx(1.5**2 / 2 / 1.5, abs=0.01)


def test_the_base_obeys_after_its_dead_time() -> None:
    state, sent = np.zeros(5), np.tile([1.0, 0.0], (10, 1))
    base = np.array([0.0, 9.0, 9.0, 9.0, 9.0, 9.0, 0.0, 0.0])
    world.advance(state, sent, 0, 4, 4, STEP_S, base, SQUARE, NONE4, NONE5, NONE4, 0.04, world.fresh_seen())
    assert state[3] == 0.0
    world.advance(state, sent, 4, 1, 4, STEP_S, base, SQUARE, NONE4, NONE5, NONE4, 0.04, world.fresh_seen())
    assert state[3] > 0.0


def test_without_the_gate_the_robot_hits_the_wall_and_with_it_it_does_not() -> None:
    wall = scene([(2.5, -2.0, 2.5, 2.0)])
    bare = Loop(wall, AHEAD, np.random.default_rng(0), gated=False).run()
    assert bare.crash and bare.touch_mps > 1.0 and bare.margin_m < -1.0
    kept = Loop(wall, AHEAD, np.random.default_rng(0)).run()
    assert not kept.crash and kept.stopped and 0.05 < kept.gap_m < 0.4 and kept.moved_m > 1.0


def test_without_the_gate_the_adversary_crashes_or_leaves_the_fence_in_most_episodes() -> None:
    outcomes = [search.episode(0, k, gated=False) for k in range(2 * len(KINDS)) if KINDS[k % len(KINDS)] != "sudden"]
    assert sum(one.crash for one in outcomes) >= 8
    zoned = [Loop(draw("fence", np.random.default_rng(k)), Homing("homing", 0.7), np.random.default_rng(k), False).run()
             for k in range(6)]  # fmt: skip
    assert sum(one.exit for one in zoned) >= 3


def test_bounded_campaign_no_touch_at_speed_and_no_exit_with_the_gate() -> None:
    outcomes = {k: search.episode(5, k) for k in range(2 * len(KINDS))}
    assert table.failures(outcomes) == {}
    assert sum(one.moved_m for one in outcomes.values()) > 10.0  # and not because it never moves


@pytest.mark.parametrize(("number", "kind"), [(1647, "chair"), (2043, "chair"), (9435, "chair")])
def test_legs_that_slip_off_the_edge_of_the_sweep_are_not_hit(number: int, kind: str) -> None:
    """Found by the adversary: thin legs between the last ray and the next, and a base that ends its turn too soon."""
    outcome = search.episode(2, number)
    assert outcome.kind == kind and not outcome.crash and not outcome.exit and outcome.moved_m > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("number", "kind"), [(9210, "chair"), (6602, "fence"), (1574, "slope")])
def test_what_searches_once_found_is_no_crash_and_no_exit(number: int, kind: str) -> None:
    outcome = search.episode(2, number)
    assert outcome.kind == kind and not outcome.crash and not outcome.exit


@pytest.mark.slow
@pytest.mark.timeout(36000)
def test_a_long_campaign_no_touch_at_speed_and_no_exit(tmp_path: Path) -> None:
    assert table.failures(table.run_campaign(10_000, 1, tmp_path / "a.jsonl", lambda *_: None, jobs=2)) == {}


def test_whoever_walks_into_a_standing_robot_is_no_crash() -> None:
    comes = scene(rounds=[(2.0, 0.0, 0.25, -0.8, 0.0)], kind="person")
    outcome = Loop(comes, Script("stand", [(0.0, 0.0, 9.0)]), np.random.default_rng(0)).run()
    assert 0.0 <= outcome.touch_mps < 0.04 and not outcome.crash


def test_an_episode_repeats_to_the_bit_and_a_search_member_by_its_number() -> None:
    assert search.episode(3, 7) == search.episode(3, 7)
    k = 2 * search.HUNT + 2  # the second try of the first search
    assert search.episode(3, k, gated=False) == list(islice(search.hunt(3, 2, gated=False), 3))[2]


def test_a_search_finds_what_chance_does_not() -> None:
    """Without the gate it comes at least as near as where it began."""
    margins = [one.margin_m for one in search.hunt(1, 2, gated=False)]
    assert len(margins) == search.HUNT and min(margins[1:]) <= margins[0]


def test_a_campaign_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "a.jsonl"
    first = table.run_campaign(5, 0, out, lambda *_: None, gated=False)
    cut = out.read_text().splitlines(keepends=True)
    out.write_text("".join(cut[:3]) + cut[3][:20])
    again = table.run_campaign(6, 0, out, lambda *_: None, gated=False)
    assert {k: again[k] for k in first} == first and len(out.read_text().splitlines()) == 6
    with pytest.raises(InputError, match="seed 0, without the gate"):
        table.run_campaign(6, 0, out, lambda *_: None)
    out.write_text("no line of ours\n")
    with pytest.raises(InputError, match="no file of adversary episodes"):
        table.read(out, 0)


def test_the_report_names_the_tightest_gap_and_every_failure() -> None:
    outcome = Loop(scene([(2.5, -2.0, 2.5, 2.0)]), AHEAD, np.random.default_rng(0)).run()
    outcomes = {0: outcome, 1: replace(outcome, touch_mps=0.5, counted=True), 2: replace(outcome, kind="sudden")}
    text = table.page(outcomes, 0, 1.0).text()
    assert f"{1e3 * outcome.gap_m:.0f} mm (episode 0)" in text
    assert "`./run campaign adversary --seed 0 --episode 1`" in text and "beyond the claim" in text


def test_every_layout_is_free_of_contradiction_and_its_scenes_begin_free() -> None:
    for layout in LAYOUTS:
        setup("default", "scout", layout)
    for k, kind in enumerate(KINDS):
        drawn = draw(kind, np.random.default_rng(k))
        corners = np.empty_like(drawn.setup.outline)
        world.place(drawn.setup.outline, *drawn.start, corners)
        gap, *_, zone, _ = world.gaps(corners, *drawn.start[:2], 1e9, drawn.walls, drawn.rounds, drawn.setup.fences)
        assert gap > 0.1 and zone > 0.1


def test_wilson_of_no_failure_is_not_nothing() -> None:
    assert table.wilson(0, 10_000) == (0.0, pytest.approx(3.84e-4, rel=0.01))
