"""A rule base: one expert's knowledge as data, checked when it is read.

constants   named numbers that a site or a country changes
topics      what the expert's head reads from the words; rules see `words.TOPIC`, a probability
rules       id, clause, source, `when`, what to do when that is unknown, and one effect
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from physical_ai_core.errors import InputError
from physical_ai_core.goal import Limits, RefusalReason, Task, Words
from physical_ai_planner.experts.advice import LEAST_SPEED_MPS, Advice
from physical_ai_planner.experts.conditions import Condition, Constants, Data, Find, Number, Scaled, number
from physical_ai_planner.experts.facts import KIND, WORDS, Facts

FILE: Final = "rules.yaml"
_FIELD = re.compile(r"\{([a-z_0-9.]+)(?::([^}]*))?\}")
WORST_CONFIDENCE: Final = 0.5  # of advice that rests on assuming the worst


class Say(Data):
    """A text in both languages; `{fact:.1f}` and `{constant}` are filled in."""

    en: str
    ja: str


class Tighten(Say):
    """Limits for the steps of `tasks`; none named: every step that moves."""

    max_speed_mps: Number | None = None
    min_clearance_m: Number | None = None
    keep_out: tuple[str, ...] = ()
    tasks: frozenset[Task] = frozenset()


class Refuse(Say):
    reason: RefusalReason


class Rule(Data):
    """Exactly one of tighten, ask and refuse, or ask with tighten: the limits hold when the person agrees.

    `vital`: looked at before anything is routed, and wakes its expert; it reads numbers, not words.
    """

    id: str = Field(pattern=r"^[A-Z][A-Za-z0-9-]*$")
    clause: str
    source: str
    when: Condition
    unknown: Literal["abstain", "worst"] | Say = "abstain"
    vital: bool = False
    tighten: Tighten | None = None
    ask: Say | None = None
    refuse: Refuse | None = None

    @model_validator(mode="after")
    def _one_effect(self) -> Rule:
        if (self.refuse is not None) == (self.tighten is not None or self.ask is not None):
            raise ValueError(f"rule {self.id} needs tighten, ask, both of them, or refuse")
        if self.vital and any(name.startswith(WORDS) for name in self.when.names()):
            raise ValueError(f"rule {self.id} is vital, so it may read no words")
        return self

    def texts(self) -> tuple[Say, ...]:
        said = (self.tighten, self.ask, self.refuse, self.unknown)
        return tuple(text for text in said if isinstance(text, Say))


class RuleBase(Data):
    """Content of one `rules.yaml`."""

    schema_version: Literal[1] = 1
    expert: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    about: str
    constants: dict[str, float] = Field(default_factory=dict)
    topics: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = Field(min_length=1)
    sha256: str = ""

    @model_validator(mode="after")
    def _names_resolve(self) -> RuleBase:
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) < len(ids):
            raise ValueError(f"rule ids repeat: {sorted({i for i in ids if ids.count(i) > 1})}")
        for rule in self.rules:
            self._check_facts(rule)
            for text in rule.texts():
                for name, _ in [*_FIELD.findall(text.en), *_FIELD.findall(text.ja)]:
                    if name not in self.constants and not self._kind(name):
                        raise ValueError(f"rule {rule.id} says '{{{name}}}', which is neither a fact nor a constant")
        return self

    def _kind(self, name: str) -> str:
        return "number" if name.startswith(WORDS) and name[len(WORDS) :] in self.topics else KIND.get(name, "")

    def _check_facts(self, rule: Rule) -> None:
        for part in rule.when.parts():
            if part.fact is not None and not self._kind(part.fact):
                raise ValueError(f"rule {rule.id} reads '{part.fact}', which is no fact")
            if part.fact is not None and part.known is None:
                kind = self._kind(part.fact)
                said = part.equals if part.equals is not None else part.differs
                fits = {bool: "bool", str: "text"}.get(type(said), "number")
                if kind != fits:
                    raise ValueError(f"rule {rule.id} compares '{part.fact}', a {kind}, with a {fits}")
            for name in ("above", "at_least", "below", "at_most"):
                self._check_number(rule, getattr(part, name))
        if rule.tighten is not None:
            self._check_number(rule, rule.tighten.max_speed_mps)
            self._check_number(rule, rule.tighten.min_clearance_m)

    def _check_number(self, rule: Rule, value: Number | None) -> None:
        if isinstance(value, str) and value not in self.constants:
            raise ValueError(f"rule {rule.id} names the constant '{value}', known are {sorted(self.constants)}")
        if isinstance(value, Scaled) and self._kind(value.fact) != "number":
            raise ValueError(f"rule {rule.id} scales '{value.fact}', which is no number")

    # --- judging ---

    @cached_property
    def _compiled(self) -> tuple[tuple[Rule, Find, tuple[str, ...]], ...]:
        """Each rule with its condition and the facts it reads."""
        return tuple((r, r.when.compiled(self.constants), tuple(sorted(r.when.names()))) for r in self.rules)

    def judge(self, facts: Facts, vital_only: bool = False) -> list[Advice]:
        """What the rules say to the facts, in their order; those that abstain are left out."""
        said = []
        for rule, find, names in self._compiled:
            if vital_only and not rule.vital:
                continue
            holds, confidence = find(facts)
            if holds or (holds is None and rule.unknown != "abstain"):
                said.append(self._advice(rule, facts, names, holds is None, confidence))
        return said

    def _advice(self, rule: Rule, facts: Facts, names: Sequence[str], unknown: bool, confidence: float) -> Advice:
        seen = {name: facts.get(name) for name in names}
        numbers = {n: v if isinstance(v, str) else float(v) for n, v in seen.items() if v is not None}
        common: dict[str, Any] = {"expert": self.expert, "rule": rule.id, "clause": rule.clause, "numbers": numbers}
        if unknown and isinstance(rule.unknown, Say):
            return Advice(**common, kind="ask", words=self._words(rule.unknown, facts), unknown=True)
        confidence = WORST_CONFIDENCE if unknown else confidence
        if rule.refuse is not None:
            return Advice(
                **common, kind="refuse", words=self._words(rule.refuse, facts), confidence=confidence,
                reason=rule.refuse.reason, unknown=unknown,
            )  # fmt: skip
        limits, tasks = Limits(), frozenset[Task]()
        if rule.tighten is not None:
            limits, tasks = _limits(rule.tighten, facts, self.constants), rule.tighten.tasks
        said = rule.ask or rule.tighten
        assert said is not None
        return Advice(
            **common, kind="tighten" if rule.ask is None else "ask", words=self._words(said, facts),
            confidence=confidence, limits=limits, tasks=tasks, unknown=unknown,
        )  # fmt: skip

    def _words(self, say: Say, facts: Facts) -> Words:
        def fill(match: re.Match[str]) -> str:
            value = self.constants.get(match[1], facts.get(match[1]))
            if value is None:
                return "?"
            return format(value, match[2] or ("" if isinstance(value, str) else "g"))

        return Words(en=_FIELD.sub(fill, say.en), ja=_FIELD.sub(fill, say.ja))


def _limits(tighten: Tighten, facts: Facts, constants: Constants) -> Limits:
    """A limit whose fact is not known is left out; a speed of nearly nothing becomes the least that is one."""
    speed = None if tighten.max_speed_mps is None else number(tighten.max_speed_mps, constants)(facts)
    room = None if tighten.min_clearance_m is None else number(tighten.min_clearance_m, constants)(facts)
    return Limits(
        max_speed_mps=None if speed is None else min(20.0, max(LEAST_SPEED_MPS, speed)),
        min_clearance_m=None if room is None else min(10.0, max(0.0, room)),
        keep_out=tighten.keep_out,
    )


def load_rules(path: Path) -> RuleBase:
    """Read a rule base; its sha256 goes into the log. Raises InputError with file, rule and what is wrong."""
    mend = "docs/experts.md shows the form of a rule base."
    try:
        content = path.read_bytes()
        data = yaml.safe_load(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"The rule base {path} cannot be read: {error}.", mend) from error
    if not isinstance(data, dict) or "sha256" in data:
        raise InputError(f"The rule base {path} is no mapping of the known keys.", mend)
    try:
        return RuleBase.model_validate({**data, "sha256": hashlib.sha256(content).hexdigest()})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise InputError(f"The rule base {path} is not valid at {where}: {first['msg']}.", mend) from error
