"""Conditions of rules: comparisons of named facts, joined by all and any, in Kleene's three-valued logic.

A fact that is not known makes a comparison unknown; `all` is false as soon as one part is, `any` true as soon as one
is, whatever else is unknown. Source: Kleene, "Introduction to Metamathematics", 1952, section 64 (strong tables).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from physical_ai_planner.experts.facts import WORDS, Facts

Truth = bool | None
Constants = Mapping[str, float]


class Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scaled(Data):
    """`times * fact + plus`."""

    fact: str
    times: float = 1.0
    plus: float = 0.0


Number = float | str | Scaled  # a number, the name of a constant, or a scaled fact


class Finding(NamedTuple):
    """Whether a condition holds, and how surely: words are read with a probability, numbers count as sure."""

    holds: Truth
    confidence: float = 1.0


Find = Callable[[Facts], Finding]


class Condition(Data):
    """One comparison of `fact`, or a list of conditions under `all` or `any`."""

    fact: str | None = None
    above: Number | None = None
    at_least: Number | None = None
    below: Number | None = None
    at_most: Number | None = None
    equals: bool | str | None = None  # "is" in YAML
    differs: bool | str | None = None  # "is_not"
    known: bool | None = None
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _keywords(cls, data: object) -> object:
        if isinstance(data, dict):
            return {{"is": "equals", "is_not": "differs"}.get(str(key), str(key)): value for key, value in data.items()}
        return data

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        compared = [n for n in _COMPARISONS if getattr(self, n) is not None]
        forms = (self.fact is not None) + bool(self.all) + bool(self.any)
        if forms != 1 or (self.fact is not None) != (len(compared) == 1) or len(compared) > 1:
            raise ValueError(
                "a condition is a fact with one of above, at_least, below, at_most, is, is_not, known; or all; or any"
            )
        return self

    def parts(self) -> Iterator[Condition]:
        """Itself and every condition within."""
        yield self
        for part in (*self.all, *self.any):
            yield from part.parts()

    def names(self) -> set[str]:
        """Every fact it reads."""
        facts: set[str] = set()
        for part in self.parts():
            facts |= set() if part.fact is None else {part.fact}
            for name in _NUMERIC:
                value = getattr(part, name)
                facts |= {value.fact} if isinstance(value, Scaled) else set()
        return facts

    def compiled(self, constants: Constants) -> Find:
        """A function of the facts; made once, for it is asked with every order."""
        if self.all:
            return _every([part.compiled(constants) for part in self.all])
        if self.any:
            return _some([part.compiled(constants) for part in self.any])
        assert self.fact is not None
        if self.known is not None:
            return _is_known(self.fact, self.known)
        if self.equals is not None:
            return _equals(self.fact, self.equals, True)
        if self.differs is not None:
            return _equals(self.fact, self.differs, False)
        for name, holds in _HOLDS.items():
            bound = getattr(self, name)
            if bound is not None:
                return _compares(self.fact, holds, number(bound, constants))
        raise AssertionError("a condition without a comparison")


def number(value: Number, constants: Constants) -> Callable[[Facts], float | None]:
    """A function that gives its value; None where its fact is not known."""
    if isinstance(value, Scaled):
        name, times, plus = value.fact, value.times, value.plus

        def scaled(facts: Facts) -> float | None:
            found = facts.get(name)
            return None if found is None or isinstance(found, str) else times * found + plus

        return scaled
    fixed = constants[value] if isinstance(value, str) else value
    return lambda facts: fixed


_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "above": operator.gt, "at_least": operator.ge, "below": operator.lt, "at_most": operator.le,
}  # fmt: skip
_NUMERIC = tuple(_HOLDS)
_COMPARISONS = (*_NUMERIC, "equals", "differs", "known")
_YES, _NO, _UNKNOWN = Finding(True), Finding(False), Finding(None)


def _is_known(fact: str, wanted: bool) -> Find:
    return lambda facts: _YES if (facts.get(fact) is not None) == wanted else _NO


def _equals(fact: str, value: bool | str, wanted: bool) -> Find:
    def find(facts: Facts) -> Finding:
        found = facts.get(fact)
        return _UNKNOWN if found is None else _YES if (found == value) == wanted else _NO

    return find


def _compares(fact: str, holds: Callable[[float, float], bool], bound: Callable[[Facts], float | None]) -> Find:
    of_words = fact.startswith(WORDS)

    def find(facts: Facts) -> Finding:
        value, limit = facts.get(fact), bound(facts)
        if value is None or limit is None or isinstance(value, str):
            return _UNKNOWN
        if not holds(value, limit):
            return _NO
        return Finding(True, float(value)) if of_words else _YES

    return find


def _every(parts: list[Find]) -> Find:
    def find(facts: Facts) -> Finding:
        unknown, sure = False, 1.0
        for part in parts:
            holds, confidence = part(facts)
            if holds is False:
                return _NO
            unknown, sure = unknown or holds is None, min(sure, confidence)
        return _UNKNOWN if unknown else Finding(True, sure)

    return find


def _some(parts: list[Find]) -> Find:
    def find(facts: Facts) -> Finding:
        found = [part(facts) for part in parts]
        true = [finding.confidence for finding in found if finding.holds]
        if true:
            return Finding(True, max(true))
        return _UNKNOWN if any(finding.holds is None for finding in found) else _NO

    return find


Condition.model_rebuild()
