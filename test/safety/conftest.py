"""A test that says which rules it proves must have seen the gate give them, else docs/safety-case.md is a wish."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Sequence

import pytest

from physical_ai_core.goal import Words
from physical_ai_core.reports import Intervention
from physical_ai_safety import words

CLAIMED: defaultdict[str, set[str]] = defaultdict(set)  # by the test without its case
SEEN: defaultdict[str, set[str]] = defaultdict(set)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Listen to what the gate says of itself while the test runs."""
    name = item.nodeid.partition("[")[0]
    CLAIMED[name] |= {rule for mark in item.iter_markers("proves") for rule in mark.args if "." not in rule}
    say = words.say

    def listening(notes: Sequence[Intervention], otherwise: Words) -> tuple[str, str]:
        SEEN[name].update(note.rule for note in notes)
        return say(notes, otherwise)

    words.say = listening
    try:
        yield
    finally:
        words.say = say


def pytest_sessionfinish(session: pytest.Session) -> None:
    """All cases of a test together: one of them may be the one that does not stop. Not where cases were picked."""
    picked = session.config.getoption("keyword") or any("::" in argument for argument in session.config.args)
    if picked or session.exitstatus != pytest.ExitCode.OK:
        return
    for name, claimed in CLAIMED.items():
        if not claimed <= SEEN[name]:
            print(f"\n{name} is marked as proof of {sorted(claimed - SEEN[name])}, which the gate never said in it.")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
