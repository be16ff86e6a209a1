"""The page of the paced controller says what the node's counters say, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from physical_ai_bench.benchmarks.paced import Machine, Paced, paced_page
from physical_ai_control.pace import PaceMeter

MACHINE = Machine(cores=2, busy=1.5, graph=1.0, load=3.0, stolen_percent=0.5)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def window(solve_s: float, settling_s: float = 0.5) -> Paced:
    """A hundred ticks that are one solution each, after ten slow ones before the window."""
    clock = Clock()
    meter = PaceMeter(100.0, clock, clock)
    told = []
    for takes_s, count in ((settling_s, 10), (solve_s, 100)):
        for _ in range(count):
            with meter.tick(), meter.solve():
                clock.now_s += takes_s
        told.append(meter.values())
    return Paced(
        1.0, 100.0, "nothing", 2.0, 1.0, told[0], told[1], 3, [1.0, 2.0], {"tracking": 2}, {"controller": 0.4}, MACHINE
    )


def rows(paced: Paced) -> dict[str, tuple[str, ...]]:
    return {row[1]: tuple(row[2:]) for row in paced_page([paced]).rows}


def test_what_was_before_the_window_is_not_in_it() -> None:
    found = rows(window(0.5e-3))
    assert found["solutions"][0] == "100"
    assert found["**late solutions**"][0] == "**0**"
    assert float(found["**solver, wall, ms**"][2]) == pytest.approx(0.5, rel=0.05)
    assert found["ticks a second of the graph's clock"][0] == "100.00"


def test_a_slow_solver_does_not_reach_the_target_and_the_page_says_so() -> None:
    assert window(0.5e-3).kept()
    for solve_s, said in ((2e-3, "p99 is"), (20e-3, "100 solutions of 100 were late")):
        paced = window(solve_s)
        assert not paced.kept()
        assert said in paced_page([paced]).notes


def test_windows_are_told_apart_by_what_the_kernel_granted() -> None:
    ordinary = window(0.5e-3)
    page = paced_page([ordinary, replace(ordinary, granted="SCHED_FIFO 50")])
    assert {row[0] for row in page.rows} == {"ordinary", "SCHED_FIFO 50"}
    assert page.notes.count("both targets are reached") == 2
    assert "1.50 of 2 cores busy, 1.00 of them with this graph and 0.50 with other work" in page.notes
