"""The person beside a run presses reset where the gate waits for it after a start, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from physical_ai_bench.person import WAITS_S, Bystander
from physical_ai_core.reports import Intervention, Verdict


def verdict(*notes: Any) -> Verdict:
    return Verdict(1.0, "waiting", "none", [0.0, 0.0], [0.0, 0.0], list(notes))


STARTED = verdict(Intervention("start", ""))


def test_it_looks_first_presses_once_and_tries_again_where_it_was_refused() -> None:
    person = Bystander()
    assert [person.presses_now(STARTED, t) for t in (0.0, WAITS_S - 0.1, WAITS_S, WAITS_S + 0.1)] == [
        False, False, True, False,
    ]  # fmt: skip
    assert person.presses_now(STARTED, 2.0 * WAITS_S + 0.1) and person.presses == 2


def test_a_gate_that_is_free_in_between_is_looked_at_anew() -> None:
    person = Bystander()
    person.presses_now(STARTED, 0.0)
    assert not person.presses_now(verdict(), WAITS_S)
    assert not person.presses_now(STARTED, WAITS_S + 0.1), "a new start, a new look"


@pytest.mark.parametrize(
    "said", [None, verdict(), verdict(Intervention("emergency_stop", "latched")), verdict({"rule": "bumper"})]
)
def test_nobody_releases_a_stop_that_something_happened_for(said: Verdict | None) -> None:
    person = Bystander()
    assert not any(person.presses_now(said, t) for t in (0.0, 1.0, 2.0)) and person.presses == 0


def test_a_verdict_off_the_wire_is_read_as_well() -> None:
    person = Bystander()
    off_the_wire = Verdict.from_json(STARTED.to_json())
    assert not person.presses_now(off_the_wire, 0.0) and person.presses_now(off_the_wire, WAITS_S)
