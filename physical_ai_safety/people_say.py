"""What people say to the robot: they approve or refuse, take it over and hand it back. Pure.

A request waits for one person's yes, or for that of as many different people as its rule asks. One no refuses it, and
so does the time-out: silence is never consent. A grant lifts only the rule that asked for it, for a while; it ends with
any latched stop, with a later no, and with a clock that jumps. Whoever has taken over holds the robot until they hand
it back: autonomy never comes in by itself while a person believes to be in charge (single point of control).
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

OPERATOR = "operator"  # who speaks through a service, which carries no name: always the same person
MOST_OPEN = 16
LONGEST_NAME, LONGEST_TEXT = 64, 400
LONGEST_TIMEOUT_S, LONGEST_VALID_S = 3600.0, 86_400.0
ASK_AGAIN_S = 10.0  # the gate itself does not ask anew sooner after a no or a time-out


class Need(NamedTuple):
    """What a rule asks for: so many different people, an answer within a time, and how long their yes holds."""

    persons: int = 1
    timeout_s: float = 60.0
    valid_s: float = 600.0


class Request(NamedTuple):
    """One open question to people. `context`: what they decide on, in words and numbers, kept with every answer."""

    id: str
    action: str
    context: str
    asked_s: float
    until_s: float
    need: Need
    yes: tuple[str, ...] = ()


class Grant(NamedTuple):
    """What was approved, by whom, until when."""

    id: str
    action: str
    context: str
    by: tuple[str, ...]
    until_s: float


class Note(NamedTuple):
    """One thing that a person, or time, did to a request or to the command of the robot; for telemetry.

    `what`: asked, yes, granted, no, timed_out, ended, withdrawn, denied, took_over, handed_back, reset.
    """

    stamp_s: float
    what: str
    id: str
    person: str = ""
    action: str = ""
    context: str = ""


class Consent(NamedTuple):
    """Everything people have said that still counts. `driver`: who has taken over; "" is nobody."""

    open: tuple[Request, ...] = ()
    granted: tuple[Grant, ...] = ()
    driver: str = ""
    quiet: tuple[tuple[str, float], ...] = ()  # (id, not asked anew by the gate before)

    @property
    def approvals(self) -> frozenset[str]:
        """Ids of what is approved now."""
        return frozenset(grant.id for grant in self.granted)


Said = tuple[Consent, tuple[Note, ...]]
Taken = tuple[Consent, tuple[Note, ...], str]  # with the reason of a refusal: nobody, held, moves
NOBODY = Consent()


def who(name: str) -> str:
    """A person's name as it counts: two spellings of one name are one person."""
    return " ".join(_text(unicodedata.normalize("NFKC", name).casefold(), LONGEST_TEXT).split())[:LONGEST_NAME]


def request(consent: Consent, id: str, action: str, context: str, need: Need, now_s: float) -> Said:
    """Ask people. The same question twice is one; another question under the same id begins from no yes at all."""
    consent, notes = passed(consent, now_s)
    id, action, context = _text(id, LONGEST_NAME).strip(), _text(action, LONGEST_TEXT), _text(context, LONGEST_TEXT)
    known = next((one for one in consent.open if one.id == id), None)
    if known is not None and (known.action, known.context, known.need) == (action, context, need):
        return consent, notes
    times = 0.0 < need.timeout_s <= LONGEST_TIMEOUT_S and 0.0 < need.valid_s <= LONGEST_VALID_S
    if not id or need.persons < 1 or not times:
        return consent, (*notes, Note(now_s, "denied", id, "", action, context))
    others = tuple(one for one in consent.open if one.id != id)
    if len(others) >= MOST_OPEN:
        return consent, (*notes, Note(now_s, "denied", id, "", action, context))
    if known is not None:
        notes = (*notes, _note(now_s, "ended", known))
    asked = Request(id, action, context, now_s, now_s + need.timeout_s, need)
    return consent._replace(open=(*others, asked)), (*notes, _note(now_s, "asked", asked))


def wish(consent: Consent, id: str, action: str, context: str, need: Need, now_s: float) -> Said:
    """The gate's own request, said on every decision that a rule holds back: asked once, and not again too soon."""
    consent, notes = passed(consent, now_s)
    busy = id in consent.approvals or any(one.id == id for one in consent.open)
    if busy or any(one == id for one, _ in consent.quiet):
        return consent, notes
    consent, more = request(consent, id, action, context, need, now_s)
    return consent, (*notes, *more)


def answer(consent: Consent, id: str, person: str, yes: bool, now_s: float) -> Said:
    """A person's yes or no to an open request; a no also takes back what was granted under that id."""
    consent, notes = passed(consent, now_s)
    person, id = who(person), _text(id, LONGEST_NAME).strip()
    asked = next((one for one in consent.open if one.id == id), None)
    if not person:
        return consent, (*notes, Note(now_s, "denied", id))
    if not yes:
        return _refused(consent, id, person, now_s, notes)
    if asked is None or person in asked.yes:
        return consent, (*notes, Note(now_s, "denied", id, person, *(asked[1:3] if asked else ())))
    said = asked._replace(yes=(*asked.yes, person))
    notes = (*notes, _note(now_s, "yes", asked, person))
    others = tuple(one for one in consent.open if one.id != id)
    if len(said.yes) < said.need.persons:
        return consent._replace(open=(*others, said)), notes
    grant = Grant(id, said.action, said.context, said.yes, now_s + said.need.valid_s)
    granted = (*(one for one in consent.granted if one.id != id), grant)
    notes = (*notes, _note(now_s, "granted", said, ", ".join(said.yes)))
    return consent._replace(open=others, granted=granted), notes


def passed(consent: Consent, now_s: float) -> Said:
    """Time alone: what nobody answered in time is refused, what was granted for a while ends."""
    late = [one for one in consent.open if not now_s < one.until_s]
    over = [one for one in consent.granted if not now_s < one.until_s]
    loud = [one for one in consent.quiet if not now_s < one[1]]
    if not (late or over or loud):
        return consent, ()
    quiet = (*(one for one in consent.quiet if one not in loud), *((one.id, now_s + ASK_AGAIN_S) for one in late))
    consent = consent._replace(
        open=tuple(one for one in consent.open if one not in late),
        granted=tuple(one for one in consent.granted if one not in over),
        quiet=quiet,
    )
    return consent, (*(_note(now_s, "timed_out", one) for one in late), *(_end(now_s, one) for one in over))


def withdraw(consent: Consent, now_s: float) -> Said:
    """A latched stop, or a clock that jumped: every open request is refused and every grant ends. The driver stays."""
    notes = (*(_note(now_s, "ended", one) for one in consent.open), *(_end(now_s, one) for one in consent.granted))
    return Consent(driver=consent.driver), notes


def take_over(consent: Consent, person: str, driver_silent: bool, now_s: float) -> Taken:
    """A person takes the robot: from autonomy at once, from another person only where that one has fallen silent."""
    person = who(person)
    if not person:
        return consent, (Note(now_s, "denied", "takeover"),), "nobody"
    if consent.driver and consent.driver != person and not driver_silent:
        return consent, (Note(now_s, "denied", "takeover", person, "", f"held by {consent.driver}"),), "held"
    context = f"from {consent.driver}" if consent.driver else "from autonomy"
    return consent._replace(driver=person), (Note(now_s, "took_over", "takeover", person, "", context),), ""


def hand_back(consent: Consent, person: str, at_rest: bool, now_s: float) -> Taken:
    """Give the robot back to autonomy: only who has it, and only from rest."""
    person = who(person)
    why = "held" if consent.driver and consent.driver != person else "moves" if consent.driver and not at_rest else ""
    if why:
        return consent, (Note(now_s, "denied", "hand_back", person, "", why),), why
    if not consent.driver:
        return consent, (), ""
    return consent._replace(driver=""), (Note(now_s, "handed_back", "hand_back", person),), ""


def _refused(consent: Consent, id: str, person: str, now_s: float, notes: tuple[Note, ...]) -> Said:
    asked = next((one for one in consent.open if one.id == id), None)
    grant = next((one for one in consent.granted if one.id == id), None)
    if asked is not None:
        notes = (*notes, _note(now_s, "no", asked, person))
    if grant is not None:
        notes = (*notes, Note(now_s, "withdrawn", id, person, grant.action, grant.context))
    if asked is None and grant is None:
        return consent, (*notes, Note(now_s, "denied", id, person))
    quiet = (*(one for one in consent.quiet if one[0] != id), (id, now_s + ASK_AGAIN_S))
    left = tuple(one for one in consent.open if one.id != id)
    kept = tuple(one for one in consent.granted if one.id != id)
    return consent._replace(open=left, granted=kept, quiet=quiet), notes


def _text(text: str, longest: int) -> str:
    """So much of it, and nothing that cannot be written as UTF-8."""
    return text[:longest].encode("utf-8", "replace").decode("utf-8")


def _note(now_s: float, what: str, asked: Request, person: str = "") -> Note:
    return Note(now_s, what, asked.id, person, asked.action, asked.context)


def _end(now_s: float, grant: Grant) -> Note:
    return Note(now_s, "ended", grant.id, ", ".join(grant.by), grant.action, grant.context)
