"""Sentences and facts drawn at random from templates of one split, with the topics that the words are of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from physical_ai_core.goal import Task
from physical_ai_learning.experts.cases import LIVE, ROBOT, goal_of
from physical_ai_learning.experts.phrases import LANGUAGES, Order, Phrase, Slots, Split, commands, orders, read_phrases
from physical_ai_planner.experts.advice import Advice
from physical_ai_planner.experts.case import Case, LiveFacts, RobotFacts, SiteFacts
from physical_ai_planner.experts.expert import Expert
from physical_ai_planner.experts.facts import WORDS, Facts, facts_of

Group = TypeVar("Group", SiteFacts, RobotFacts, LiveFacts)
_SLOT = re.compile(r"\{(\w+)\}")
TOPICS_A_SENTENCE = (0.35, 0.45, 0.2)  # none, one, two
DECOY = 0.5  # sentences with a phrase that only sounds like a topic
NOISY = 0.25  # sentences with a slip of typing or of a recogniser
STRANGE = 0.05  # chance of each live fact to be out of the usual
UNKNOWN = 0.08  # chance of each fact to be not known


@dataclass(frozen=True)
class Drawn:
    """A case and what its words are of; `language` as drawn."""

    case: Case
    topics: frozenset[str]
    language: str


class Source:
    """Draws cases; the same seed gives the same."""

    def __init__(self, folder: Path, experts: Sequence[str]) -> None:
        self.phrases: list[Phrase] = []
        self._slots: dict[str, Slots] = {}
        for name in experts:
            phrases, self._slots[name] = read_phrases(folder / name, name)
            self.phrases += phrases

    def draw(self, count: int, split: Split, seed: int) -> list[Drawn]:
        rng = np.random.default_rng([seed, {"train": 0, "calibrate": 1, "test": 2}[split]])
        tables = {language: self._tables(language, split) for language in LANGUAGES}
        return [self._one(rng, LANGUAGES[k % 2], *tables[LANGUAGES[k % 2]]) for k in range(count)]

    def _tables(self, language: str, split: Split) -> tuple[list[Order], dict[str, list[Phrase]], list[Phrase]]:
        said = [p for p in self.phrases if p.language == language and p.split == split]
        topics = sorted({topic for p in self.phrases for topic in p.topics})
        of = {topic: [p for p in said if topic in p.topics] for topic in topics}
        return (
            [o for o in orders() if o.language == language and o.split == split],
            of,
            [p for p in said if not p.topics],
        )

    def _one(
        self, rng: np.random.Generator, language: str, order: list[Order], of: Mapping[str, list[Phrase]],
        decoys: list[Phrase],
    ) -> Drawn:  # fmt: skip
        wanted = rng.choice(3, p=TOPICS_A_SENTENCE)
        names = [name for name in of if of[name]]
        chosen = (
            [str(name) for name in rng.choice(names, size=min(int(wanted), len(names)), replace=False)] if names else []
        )
        phrases = [of[name][rng.integers(len(of[name]))] for name in chosen]
        if decoys and rng.random() < DECOY:
            phrases.append(decoys[rng.integers(len(decoys))])
        said = order[rng.integers(len(order))]
        whole, topics, goal = said.text, frozenset[str](), said.goal
        text = self._fill(whole, language, "", rng)
        first = True
        for phrase in sorted(phrases, key=lambda p: not p.is_order):
            topics |= phrase.topics
            piece = self._fill(phrase.text, language, phrase.expert, rng)
            if phrase.is_order and first:
                text, goal = piece, "move -2" if "reverse" in phrase.topics and rng.random() < 0.3 else "navigate gate"
            else:
                glue = commands()["glue"][language]
                text = glue[rng.integers(len(glue))].replace("{a}", piece).replace("{b}", text)
            first = False
        if rng.random() < 0.2:
            fillers = commands()["fillers"][language]
            text = fillers[rng.integers(len(fillers))] + text
        return Drawn(_case(_noise(text, rng), goal, rng), topics, language)

    def _fill(self, text: str, language: str, expert: str, rng: np.random.Generator) -> str:
        def pick(match: re.Match[str]) -> str:
            if match[1] == "place":
                parts = commands()["places"][language]
                first, second, last = (str(parts[k][rng.integers(len(parts[k]))]) for k in ("first", "second", "last"))
                return f"{'the ' if rng.random() < 0.6 else ''}{first} {second}{last}" if language == "en" else (
                    first + second + last
                )  # fmt: skip
            options = self._slots[expert][language][match[1]]
            return str(options[rng.integers(len(options))])

        return " ".join(_SLOT.sub(pick, text).split())


def _noise(text: str, rng: np.random.Generator) -> str:
    """Case, stops, and now and then a slip of one letter."""
    if rng.random() < 0.5:
        text = text[:1].upper() + text[1:]
    if rng.random() < 0.5:
        text += "。" if any(ord(c) > 0x3000 for c in text) else "."
    if rng.random() < NOISY and len(text) > 8:
        at = int(rng.integers(1, len(text) - 2))
        kind = rng.integers(3)
        text = (
            text[:at] + text[at + 1 :] if kind == 0
            else text[:at] + text[at + 1] + text[at] + text[at + 2 :] if kind == 1
            else text.replace(",", "").replace("、", "")
        )  # fmt: skip
    return text


def _case(text: str, goal: str, rng: np.random.Generator) -> Case:
    state = goal_of(goal)
    tools = [step for step in state.steps or () if step.tool]
    site = SiteFacts(
        max_speed_mps=float(rng.choice([1.0, 1.5, 2.0])), public_road=bool(rng.random() < 0.06),
        work_zone=(all(s.task is Task.COVER for s in tools) if tools else None),
        country=str(rng.choice(["jp", "jp", "de"])), work_from_h=None, work_until_h=None,
    )  # fmt: skip
    if rng.random() < 0.3:
        site = replace(site, work_from_h=7.0, work_until_h=19.0)
    robot = replace(
        ROBOT, max_speed_mps=float(rng.choice([1.0, 2.0, 3.0])), width_m=float(rng.choice([0.42, 0.6, 0.9])),
        max_payload_kg=float(rng.choice([5.0, 15.0, 80.0])), max_slope_deg=float(rng.choice([10.0, 20.0, 30.0])),
        ground_clearance_m=float(rng.choice([0.02, 0.06, 0.15])),
    )  # fmt: skip
    length_m = float(rng.exponential(60.0)) if rng.random() > 0.02 else 3000.0
    return Case(
        text, state, _forget(site, rng, keep=("public_road", "work_zone")), _forget(robot, rng), _live(rng), length_m
    )


def _live(rng: np.random.Generator) -> LiveFacts:
    usual = {
        "hour": rng.uniform(6.0, 20.0), "slope_deg": abs(rng.normal(0.0, 2.0)), "speed_mps": 0.0,
        "sigma_m": rng.uniform(0.02, 0.2), "surprise": rng.uniform(0.5, 2.0), "people_near": float(rng.integers(0, 2)),
        "controller_slack": 0.0, "solve_ms": rng.uniform(2.0, 20.0), "temperature_c": rng.uniform(5.0, 35.0),
        "battery_share": rng.uniform(0.3, 1.0), "unhealthy": 0.0,
    }  # fmt: skip
    strange = {
        "hour": rng.uniform(20.0, 24.0), "slope_deg": rng.uniform(6.0, 35.0), "sigma_m": rng.uniform(0.3, 1.0),
        "surprise": rng.uniform(2.5, 12.0), "people_near": float(rng.integers(3, 9)),
        "controller_slack": rng.uniform(0.05, 0.5), "solve_ms": rng.uniform(40.0, 60.0),
        "temperature_c": rng.choice([-5.0, 55.0]), "battery_share": rng.uniform(0.0, 0.15),
        "unhealthy": float(rng.integers(1, 3)),
    }  # fmt: skip
    facts = {k: float(strange[k] if k in strange and rng.random() < STRANGE else v) for k, v in usual.items()}
    live = replace(
        LIVE, **facts, dark=bool(rng.random() < 2.0 * STRANGE),
        gate=str(rng.choice(["clear", "limited"])), controller="fallback" if rng.random() < STRANGE else "arrived",
    )  # fmt: skip
    return _forget(live, rng)


def _forget(group: Group, rng: np.random.Generator, keep: Sequence[str] = ()) -> Group:
    gone: dict[str, Any] = {name: None for name in vars(group) if name not in keep and rng.random() < UNKNOWN}
    return replace(group, **gone)


def oracle(drawn: Drawn, experts: Mapping[str, Expert], facts: Facts | None = None) -> dict[str, list[Advice]]:
    """What each expert has to say to a case whose topics are known."""
    facts = facts_of(drawn.case) if facts is None else facts
    topics = {f"{WORDS}{t}": float(t in drawn.topics) for expert in experts.values() for t in expert.rules.topics}
    known = {**facts, **topics}
    return {name: expert.rules.judge(known) for name, expert in experts.items()}
