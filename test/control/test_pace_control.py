"""What ticks and solutions cost: counted exactly, in bounded memory, and passed through unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from physical_ai_control.mpc.problem import Guess, Problem, Solution
from physical_ai_control.pace import FINE, PaceMeter
from physical_ai_control.servo.clock import Histogram

PERIOD_S = 0.01


class Clock:
    """Time that only work moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Slow:
    """A solver that takes so long, and then fails where it is told to."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self.takes_s, self.fails = clock, 1e-3, False
        self.asked: list[int] = []

    def solve(self, problem: Problem, guess: Guess, iterations: int) -> Solution:
        self._clock.now_s += self.takes_s
        self.asked.append(iterations)
        if self.fails:
            raise FloatingPointError("diverged")
        return Solution(guess.states, guess.inputs, np.zeros((1, 2)), 7.0, iterations)


@pytest.fixture
def clock() -> Clock:
    return Clock()


PROBLEM = Problem(*[np.zeros(1)] * 7)  # type: ignore[arg-type]
GUESS = Guess(np.zeros((2, 5)), np.zeros((1, 2)))


def test_a_solution_is_late_when_it_comes_a_period_after_its_tick_began(clock: Clock) -> None:
    meter, slow = PaceMeter(1.0 / PERIOD_S, clock, clock), Slow(clock)
    solver = meter.around(slow)
    for before_s, takes_s, late in ((0.0, 1e-3, 0), (0.0, 11e-3, 1), (9.5e-3, 1e-3, 1), (8e-3, 1e-3, 0)):
        missed = meter.missed
        slow.takes_s = takes_s
        with meter.tick():
            clock.now_s += before_s
            assert solver.solve(PROBLEM, GUESS, 3).cost == 7.0
        assert meter.missed - missed == late
    assert (meter.solves, meter.ticks, meter.missed, meter.over_period) == (4, 4, 2, 1)
    assert slow.asked == [3, 3, 3, 3]


def test_a_solver_that_fails_is_counted_and_its_error_goes_on(clock: Clock) -> None:
    meter, slow = PaceMeter(1.0 / PERIOD_S, clock, clock), Slow(clock)
    slow.fails = True
    with pytest.raises(FloatingPointError), meter.tick():
        meter.around(slow).solve(PROBLEM, GUESS, 1)
    assert (meter.solves, meter.ticks) == (1, 1)


def test_periods_are_from_begin_to_begin_and_a_pause_is_none(clock: Clock) -> None:
    meter = PaceMeter(1.0 / PERIOD_S, clock, clock)
    for gap_s in (0.0, 0.010, 0.012, 60.0):
        if gap_s > 1.0:
            meter.pause()
        clock.now_s += gap_s
        with meter.tick():
            pass
    assert meter.times["between"].total == 2
    assert meter.times["between"].most_us == pytest.approx(12_000)


def test_the_counters_come_back_from_their_text(clock: Clock) -> None:
    meter = PaceMeter(1.0 / PERIOD_S, clock, clock)
    for takes_s in np.geomspace(1e-4, 1e-2, 100):
        with meter.tick():
            clock.now_s += float(takes_s)
    values = meter.values()
    assert values["ticks"] == "100"
    again = Histogram.of_text(values["tick_histogram_us"], FINE)
    assert again.counts == meter.times["tick"].counts
    exact_us = 1e6 * float(np.percentile(np.geomspace(1e-4, 1e-2, 100), 99, method="inverted_cdf"))
    assert exact_us <= again.percentile_us(99) * 1.0001 <= 1.048 * exact_us
