"""Where people's words arrive: checks the form of what was said, keeps the book of `people_say`, reports every change.

What came over a wire may hold anything: only a plain true is a yes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from physical_ai_core.reports import ApprovalRequest, PeopleReport, PersonsAnswer, Takeover
from physical_ai_safety import people_say
from physical_ai_safety.people_say import NOBODY, OPERATOR, Need, Note, who
from physical_ai_safety.rule_forms import Approval
from physical_ai_safety.schema import RulesFile

REPORT_S = 1.0  # an open request is repeated so often, for whoever looks late


class Question(NamedTuple):
    """What a rule of the rules file asks people."""

    action: str
    reason: str
    need: Need


def questions(file: RulesFile) -> dict[str, Question]:
    """By the id of the rule."""
    return {
        rule.id: Question(
            f"enter {rule.zone or 'the area'}" if rule.placed else "move", f"{rule.clause}: {rule.hazard}",
            Need(rule.persons, rule.timeout_s, rule.valid_s),
        )
        for rule in file.rules if isinstance(rule, Approval)
    }  # fmt: skip


class Desk:
    """The people's side of the gate. Each method says at which time of the graph's clock it happens."""

    def __init__(self, questions: Mapping[str, Question] = MappingProxyType({})) -> None:
        self._questions = questions
        self.consent = NOBODY
        self._notes: list[Note] = []
        self._reported_s: float | None = None

    @property
    def driver(self) -> str:
        """Who has taken over; "" for nobody."""
        return self.consent.driver

    @property
    def approvals(self) -> frozenset[str]:
        """Ids of what is approved; `pass_time` keeps it true."""
        return self.consent.approvals

    @property
    def asked(self) -> list[str]:
        return [one.id for one in self.consent.open]

    def pass_time(self, now_s: float) -> None:
        """Silence refuses, grants end."""
        if self.consent.open or self.consent.granted or self.consent.quiet:
            self._take(people_say.passed(self.consent, now_s))

    def request(self, said: ApprovalRequest, now_s: float) -> str:
        """A node asks people. Returns why it cannot be asked, "" where it is."""
        texts = all(isinstance(text, str) for text in (said.id, said.action, said.context))
        whole = isinstance(said.persons, int) and not isinstance(said.persons, bool)
        if not texts or not whole or not _number(said.timeout_s) or not _number(said.valid_s):
            return "form"
        need = Need(said.persons, float(said.timeout_s), float(said.valid_s))
        rule = self._questions.get(said.id.strip())
        if rule is not None:  # nobody asks fewer people than the rule does, or for longer
            least = rule.need
            need = Need(
                max(need.persons, least.persons), min(need.timeout_s, least.timeout_s), min(need.valid_s, least.valid_s)
            )
        return self._take(people_say.request(self.consent, said.id, said.action, said.context, need, now_s))

    def wish(self, id: str, circumstances: str, now_s: float) -> None:
        """The gate itself asks, because the rule `id` holds the robot back."""
        asks = self._questions.get(id)
        if asks is not None:
            context = f"{asks.reason}; {circumstances}"
            self._take(people_say.wish(self.consent, id, asks.action, context, asks.need, now_s))

    def answer(self, said: PersonsAnswer, now_s: float) -> str:
        """A person's yes or no. Returns "" or why it does not count."""
        if not isinstance(said.id, str) or not isinstance(said.person, str) or not isinstance(said.yes, bool):
            return "form"
        return self._take(people_say.answer(self.consent, said.id, said.person, said.yes, now_s))

    def approve(self, yes: bool, now_s: float) -> str:
        """The word of `safety/approve`, which names neither request nor person: the oldest one, by the operator.

        Returns the id it went to, "" where nothing is open; a no without an open request takes back the newest grant.
        """
        self.pass_time(now_s)
        waiting = [one.id for one in self.consent.open if OPERATOR not in one.yes or not yes]
        granted = [] if yes else [one.id for one in self.consent.granted[-1:]]
        id = next(iter((*waiting, *granted)), "")
        if id:
            self._take(people_say.answer(self.consent, id, OPERATOR, yes, now_s))
        return id

    def drive(self, said: Takeover, silent: bool, at_rest: bool, now_s: float) -> str:
        """Take over or hand back. Returns "" or why not: form, nobody, held, moves."""
        if not isinstance(said.person, str) or not isinstance(said.takes, bool):
            return "form"
        if said.takes:
            self.consent, notes, why = people_say.take_over(self.consent, said.person, silent, now_s)
        else:
            self.consent, notes, why = people_say.hand_back(self.consent, said.person, at_rest, now_s)
        self._notes += notes
        return why

    def stopped(self, now_s: float) -> None:
        """A stop has latched, or the clock jumped: what was approved was approved for another situation."""
        self._take(people_say.withdraw(self.consent, now_s))

    def note(self, what: str, person: str, context: str, now_s: float) -> None:
        """Something else that a person did, for the record: a reset, and what came of it."""
        self._notes.append(Note(now_s, what, what, who(person), "", context))

    def report(self, now_s: float) -> PeopleReport | None:
        """What is to be told now: at once after a change, each second while something is open or someone drives."""
        open_ = bool(self.consent.open or self.consent.granted or self.consent.driver)
        young = self._reported_s is not None and 0.0 <= now_s - self._reported_s < REPORT_S
        if not self._notes and (young or not open_):
            return None
        self._reported_s = now_s
        notes, self._notes = self._notes, []
        asked: list[Any] = [
            {"id": one.id, "action": one.action, "context": one.context, "until_s": one.until_s,
             "persons": one.need.persons, "yes": list(one.yes)}
            for one in self.consent.open
        ]  # fmt: skip
        granted: list[Any] = [one._asdict() for one in self.consent.granted]
        return PeopleReport(now_s, self.consent.driver, asked, granted, [note._asdict() for note in notes])

    def _take(self, said: people_say.Said) -> str:
        self.consent, notes = said
        self._notes += notes
        return "denied" if any(note.what == "denied" for note in notes) else ""


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
