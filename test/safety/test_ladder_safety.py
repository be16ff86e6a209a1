"""The stop ladder, proved by trying every state, every cause and every reset: the machine is finite and small."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_safety import ladder
from physical_ai_safety.footprint import Braking
from physical_ai_safety.ladder import (
    FREE,
    NO_CATEGORY,
    OVERRUN_MPS,
    OVERRUN_RPS,
    POWER_UP,
    Causes,
    Latched,
    Stop,
    category,
    latch,
    level,
    overruns,
    reset,
    rest_due,
)  # fmt: skip

BOTH = (False, True)
STATES = [Latched(*bits) for bits in itertools.product(BOTH, repeat=4)]
CAUSES = [Causes(*bits) for bits in itertools.product(BOTH, repeat=3)]
RESTS = (True, False, None)
BRAKING = Braking(0.2, 1.5, 3.0, 0.1)


def test_what_is_latched_never_falls_but_by_a_reset_and_what_asks_for_a_stop_is_latched_at_once() -> None:
    for state, causes in itertools.product(STATES, CAUSES):
        after = latch(state, causes)
        assert all(now for was, now in zip(state, after, strict=True) if was), "a latch fell by itself"
        assert all(now for asks, now in zip(causes, after[:3], strict=True) if asks), "a cause did not latch"
        assert after == Latched(*(a or b for a, b in zip(state, (*causes, False), strict=True))), "from nothing"
        assert latch(after, causes) is after, "the same cause again changes nothing"


def test_a_reset_releases_everything_or_nothing_and_only_when_no_cause_stands_and_the_robot_surely_rests() -> None:
    for state, causes, at_rest in itertools.product(STATES, CAUSES, RESTS):
        after, refusal = reset(latch(state, causes), causes, at_rest)
        released = not any(causes) and at_rest is True
        if not latch(state, causes).held or released:
            assert (after, refusal) == (FREE, "")
        else:
            assert after == latch(state, causes) and refusal in ("emergency_stop", "bumper", "unknown", "moves")


@pytest.mark.parametrize(
    ("causes", "at_rest", "why"),
    [
        (Causes(emergency=True, bumper=True), None, "emergency_stop"),
        (Causes(bumper=True), None, "bumper"),
        (Causes(), None, "unknown"),
        (Causes(), False, "moves"),
        (Causes(overrun=True), True, "moves"),
    ],
)
def test_a_refused_reset_says_what_a_person_has_to_mend_first(causes: Causes, at_rest: bool | None, why: str) -> None:
    assert reset(Latched(True, True, True, True), causes, at_rest) == (Latched(True, True, True, True), why)


def test_no_state_is_a_trap_with_causes_gone_and_the_robot_at_rest_one_reset_frees_it() -> None:
    reached, edge = {POWER_UP, FREE}, [POWER_UP, FREE]
    while edge:
        state = edge.pop()
        for after in (*(latch(state, causes) for causes in CAUSES), reset(state, Causes(), True)[0]):
            if after not in reached:
                reached.add(after)
                edge.append(after)
        assert reset(state, Causes(), True) == (FREE, "")
    assert reached == set(STATES), "the enumeration above leaves no state out that can be reached"


def test_the_step_of_the_ladder_is_the_highest_that_anything_asks_for() -> None:
    for state, stands, slowed in itertools.product(STATES, BOTH, BOTH):
        wanted = [Stop.NONE]
        wanted += [Stop.HARDWARE_0] if state.overrun else []
        wanted += [Stop.HARDWARE_1] if state.emergency or state.bumper else []
        wanted += [Stop.CONTROLLED] if state.start or stands else []
        wanted += [Stop.SLOW] if slowed else []
        assert level(state, stands, slowed) is max(wanted)


def test_more_causes_never_lower_the_step() -> None:
    for state, causes, stands, slowed in itertools.product(STATES, CAUSES, BOTH, BOTH):
        before = level(state, stands, slowed)
        assert level(latch(state, causes), stands, slowed) >= before
        assert level(state, True, slowed) >= before and level(state, stands, True) >= before


def test_hardware_is_asked_for_category_0_or_1_on_the_two_highest_steps_and_for_nothing_below() -> None:
    assert [category(step) for step in Stop] == [NO_CATEGORY, NO_CATEGORY, NO_CATEGORY, 1, 0]


def test_held_is_any_latch_and_stopped_is_any_but_the_start() -> None:
    for state in STATES:
        assert state.held is any(state) and state.stopped is any(state[:3])


@given(v=st.floats(-3, 3), w=st.floats(-3, 3), wait_s=st.floats(0, 5))
def test_the_base_has_the_time_that_the_rules_count_on_to_come_to_rest_and_not_more(
    v: float, w: float, wait_s: float
) -> None:
    due_s = rest_due(None, False, v, w, BRAKING, 1.0, 50.0)
    assert due_s is not None and due_s >= 50.0 + 0.2 + max(abs(v) / 1.5, abs(w) / 3.0) + 1.0 - 1e-9
    assert rest_due(due_s, False, 9.0, 9.0, BRAKING, 1.0, 60.0) == due_s, "the moment stays, however it moves later"
    assert rest_due(due_s, True, v, w, BRAKING, 1.0, 60.0) is None, "told to move: no stop is supervised"
    moves = abs(v) > OVERRUN_MPS or abs(w) > OVERRUN_RPS
    assert overruns(due_s, v, w, due_s + wait_s) is (moves and due_s + wait_s > due_s)
    assert not overruns(due_s, v, w, due_s) and not overruns(None, v, w, 1e9)


def test_a_machine_that_reads_the_category_is_told_by_numbers_that_do_not_change() -> None:
    assert ladder.NO_CATEGORY == -1  # safety/hardware_stop: nothing is asked for
    assert [ladder.Stop.NONE, ladder.Stop.SLOW, ladder.Stop.CONTROLLED, ladder.Stop.HARDWARE_1] == [0, 1, 2, 3]


def test_wheels_that_only_tremble_do_not_overrun() -> None:
    assert (OVERRUN_MPS, OVERRUN_RPS) == (0.15, 0.3) and Stop.HARDWARE_0.value == 4
    for v, w, moves in ((0.15, 0.3, False), (-0.15, -0.3, False), (0.151, 0.0, True), (0.0, -0.301, True)):
        assert overruns(1.0, v, w, 2.0) is moves
