"""The council: a router wakes the experts that an order needs; what they say tightens it, asks, or refuses.

    rules marked vital (numbers only) of every expert ─┐
    router: words + facts → a gate per expert ─ top k ─┼─ awake experts ─ refuse > ask > tightest limits
    shared expert, and experts the router does not know┘

The router can save work; it cannot silence a vital rule. Source of the routing: Shazeer et al., "Outrageously Large
Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer", 2017; a shared expert: Dai et al., "DeepSeekMoE", 2024.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from physical_ai_core.goal import GoalState, Question, Refusal, Words
from physical_ai_planner.experts import ngrams
from physical_ai_planner.experts.advice import Advice, Kind, apply
from physical_ai_planner.experts.case import Case
from physical_ai_planner.experts.expert import SHARED, Expert, Opinion, default_folder, load_experts, load_router
from physical_ai_planner.experts.facts import Facts, facts_of, vector

TOP_K: Final = 2
LEAST_GATE: Final = 0.15  # an expert less likely than this to have a word stays asleep, however many are awake
Mode = Literal["routed", "all"]


@dataclass(frozen=True)
class LogEntry:
    """One expert's part in one judgement; every field is JSON. `gate` None: not routed. Cost: time spent,
    floating-point operations, bytes of KV cache (none: no expert is a language model)."""

    expert: str
    awake: bool
    woken_by: str  # router, vital rule, shared, unknown to the router, all; empty where it slept
    gate: float | None
    abstained: bool
    advice: list[dict[str, Any]]
    rules: list[str]
    topics: dict[str, float]
    cost_us: float
    flops: int
    kv_cache_bytes: int
    rules_sha256: str
    head_sha256: str
    fault: str = ""


@dataclass(frozen=True)
class Judged:
    """What became of an order. Exactly the goal (tightened, or the same object) where neither question nor refusal.

    `goal` carries the limits in any case: with a question they hold when the person agrees. `because`: what was
    tightened and why, in the operator's words; `asked`: rules that the question is of.
    """

    goal: GoalState
    kind: Kind
    question: Question | None = None
    refusal: Refusal | None = None
    because: tuple[Words, ...] = ()
    rules: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    log: tuple[LogEntry, ...] = ()


class Counsellor(Protocol):
    """What the planner's core needs of a council."""

    faults: tuple[str, ...]

    def judge(self, case: Case, agreed: Collection[str] = ()) -> Judged:
        """Judge one grounded order; `agreed`: rules whose question a person has answered with yes."""
        ...


@dataclass(frozen=True)
class _Call:
    gate: float | None
    woken_by: str


class Council:
    """Experts and router of a folder. Raises InputError where a rule base cannot be used.

    A router that cannot be used wakes everybody, a head that cannot leaves its expert's rules; `faults` says so.
    """

    def __init__(self, folder: Path | None = None, mode: Mode = "routed", top_k: int = TOP_K) -> None:
        folder = default_folder() if folder is None else folder
        self.experts = load_experts(folder)
        self.router, fault = load_router(folder)
        self.mode, self.top_k = mode, top_k
        self.faults: tuple[str, ...] = tuple(f for f in (fault, *(e.fault for e in self.experts.values())) if f)

    def judge(self, case: Case, agreed: Collection[str] = ()) -> Judged:
        """Judge one order. The same case gives the same judgement, but for the times in its log."""
        begun_s = time.perf_counter()
        facts: Facts = facts_of(case)
        buckets, inputs = ngrams.buckets(case.sentence), vector(facts)
        calls = self._calls(facts, buckets, inputs)
        reading_us = 1e6 * (time.perf_counter() - begun_s)
        said: list[Advice] = []
        log = [self._router_entry(calls, len(buckets), reading_us)]
        for name, expert in self.experts.items():
            begun_s = time.perf_counter()
            call = calls[name]
            opinion = expert.judge(facts, buckets, inputs) if call.woken_by else Opinion((), 0)
            said += opinion.advice
            log.append(_entry(expert, call, opinion, 1e6 * (time.perf_counter() - begun_s)))
        return combined(case.goal, said, agreed, tuple(log))

    def activated(self, sentence: str, judged: Judged) -> int:
        """Parameters that a judgement read: those of the router and of the heads awake."""
        count, awake = len(ngrams.buckets(sentence)), {entry.expert for entry in judged.log if entry.awake}
        heads = [e.head for name, e in self.experts.items() if name in awake and e.head is not None]
        return sum(net.activated(count) for net in ([self.router] if self.mode == "routed" else []) + heads if net)

    def _calls(self, facts: Facts, buckets: Any, inputs: Any) -> dict[str, _Call]:
        gates: dict[str, float] = {}
        if self.router is not None and self.mode == "routed":
            gates = dict(zip(self.router.outputs, self.router(buckets, inputs).tolist(), strict=True))
        ranked = sorted((n for n in gates if n in self.experts), key=lambda name: (-gates[name], name))
        chosen = {name for name in ranked[: self.top_k] if gates[name] >= LEAST_GATE}
        calls = {}
        for name, expert in self.experts.items():
            if self.mode == "all":
                by = "all"
            elif name == SHARED:
                by = "shared"
            elif name not in gates:
                by = "unknown to the router"
            elif name in chosen:
                by = "router"
            else:
                by = "vital rule" if expert.rules.judge(facts, vital_only=True) else ""
            calls[name] = _Call(gates.get(name), by)
        return calls

    def _router_entry(self, calls: dict[str, _Call], buckets: int, cost_us: float) -> LogEntry:
        flops = 0 if self.router is None or self.mode == "all" else self.router.flops(buckets)
        vital = sum(rule.vital for e in self.experts.values() for rule in e.rules.rules)
        sha256 = "" if self.router is None else self.router.sha256
        gates = {name: round(call.gate, 4) for name, call in calls.items() if call.gate is not None}
        return LogEntry("router", True, "", None, True, [], [], gates, round(cost_us, 1), flops + vital, 0, "", sha256)


def _entry(expert: Expert, call: _Call, opinion: Opinion, cost_us: float) -> LogEntry:
    return LogEntry(
        expert.name, bool(call.woken_by), call.woken_by, None if call.gate is None else round(call.gate, 4),
        not opinion.advice, [_plain(one) for one in opinion.advice], [one.rule for one in opinion.advice],
        {topic: round(p, 4) for topic, p in opinion.topics.items()}, round(cost_us, 1), opinion.flops, 0,
        expert.rules.sha256, "" if expert.head is None else expert.head.sha256, expert.fault,
    )  # fmt: skip


def _plain(advice: Advice) -> dict[str, Any]:
    """JSON form of an advice."""
    plain = {key: value for key, value in vars(advice).items() if key not in ("words", "limits", "tasks", "reason")}
    plain["words"] = advice.words.model_dump()
    plain["limits"] = advice.limits.model_dump(exclude_defaults=True, mode="json")
    plain["tasks"] = sorted(task.value for task in advice.tasks)
    return {**plain, **({"reason": advice.reason.value} if advice.kind == "refuse" else {})}


def combined(
    goal: GoalState, said: Sequence[Advice], agreed: Collection[str] = (), log: tuple[LogEntry, ...] = ()
) -> Judged:
    """Refuse before ask before the tightest limits. What comes first among equals: experts' order, then rules'."""
    rules = tuple(one.rule for one in said)
    refusals = [one for one in said if one.kind == "refuse"]
    if refusals:
        first = refusals[0]
        return Judged(goal, "refuse", None, Refusal(reason=first.reason, text=_named([first])), (), rules, log=log)
    changed = apply(goal, said)
    because = tuple(_named([one]) for one in said if one.kind == "tighten" and apply(goal, [one]) is not goal)
    questions = [one for one in said if one.kind == "ask" and one.rule not in agreed]
    if questions:
        question = Question(text=_named(questions), options=("yes", "no"))
        asked = frozenset(one.rule for one in questions)
        return Judged(changed, "ask", question, None, because, rules, asked, log)
    return Judged(changed, "abstain" if changed is goal else "tighten", None, None, because, rules, log=log)


def _named(said: Sequence[Advice]) -> Words:
    """What they say, each with the id of its rule."""
    return Words(
        en=" ".join(f"{one.words.en} [{one.rule}]" for one in said),
        ja="".join(f"{one.words.ja}[{one.rule}]" for one in said),
    )


def log_line(judged: Judged) -> dict[str, Any]:
    """The whole judgement as JSON-able data."""
    return {
        "kind": judged.kind, "rules": list(judged.rules), "goal_id": judged.goal.goal_id,
        "instruction_id": judged.goal.instruction_id, "experts": [asdict(entry) for entry in judged.log],
    }  # fmt: skip
