# ruff: noqa: E501  (tables read better long)
"""Forms of English verb phrases: "go to the barn" → "going to the barn", "gone to the barn"."""

from __future__ import annotations

import re

_DOUBLED = frozenset(["stop", "get", "run", "put", "spin", "plug", "swing", "sit", "trim", "hop", "pop", "zip", "skip", "drop", "scan", "set", "nip", "cut", "mop", "hug", "grab", "step", "jog", "swab", "pan", "plan", "lap"])
_ING = {"be": "being", "lie": "lying", "travel": "travelling", "patrol": "patrolling", "swivel": "swivelling", "tie": "tying"}
_PARTICIPLE = {
    "go": "gone", "drive": "driven", "get": "got", "come": "come", "take": "taken", "make": "made", "run": "run", "find": "found", "spin": "spun", "cut": "cut",
    "sweep": "swept", "do": "done", "see": "seen", "have": "had", "give": "given", "be": "been", "keep": "kept", "stand": "stood", "hold": "held", "set": "set", "put": "put",
    "sow": "sown", "mow": "mown", "ride": "ridden", "speed": "sped", "swing": "swung", "let": "let", "blow": "blown", "spread": "spread", "read": "read", "sit": "sat",
    "show": "shown", "bring": "brought", "send": "sent", "steer": "steered", "patrol": "patrolled", "travel": "travelled", "back": "backed", "withdraw": "withdrawn",
    "slide": "slid", "begin": "begun", "creep": "crept", "meet": "met", "lose": "lost", "stick": "stuck", "feed": "fed", "swivel": "swivelled", "say": "said", "build": "built",
}  # fmt: skip
_SERIAL = re.compile(r"^go (?=(?:get|charge|see|find|have|look|inspect|dock|refill|juice|mow|spray|stand|park|plug|check|recharge|where|visit)\b(?! where))")
_NO_FORM = frozenset({"slowly", "carefully", "don't", "let", "time", "to", "just", "position", "over", "a"})


def has_forms(phrase: str) -> bool:
    """Whether the phrase begins with a verb whose forms are known, and is one verb only."""
    first = phrase.split(" ", 1)[0]
    return first.isascii() and first.isalpha() and first not in _NO_FORM and " and " not in phrase[:24]


def gerund(phrase: str) -> str:
    """The -ing form of a bare verb phrase."""
    phrase = _SERIAL.sub("go to ", phrase)
    verb, _, rest = phrase.partition(" ")
    if verb in _ING:
        form = _ING[verb]
    elif verb in _DOUBLED:
        form = verb + verb[-1] + "ing"
    elif verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        form = verb[:-1] + "ing"
    else:
        form = verb + "ing"
    return f"{form} {rest}" if rest else form


def participle(phrase: str) -> str:
    """The past participle form of a bare verb phrase."""
    phrase = _SERIAL.sub("go to ", phrase)
    verb, _, rest = phrase.partition(" ")
    if verb in _PARTICIPLE:
        form = _PARTICIPLE[verb]
    elif verb in _DOUBLED:
        form = verb + verb[-1] + "ed"
    elif verb.endswith("e"):
        form = verb + "d"
    elif verb.endswith("y") and verb[-2:-1] not in "aeiou":
        form = verb[:-1] + "ied"
    else:
        form = verb + "ed"
    return f"{form} {rest}" if rest else form
