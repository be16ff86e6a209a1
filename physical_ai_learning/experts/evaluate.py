"""How good a council's judgements are, and what they cost: over cases whose right judgement is known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from physical_ai_learning.experts.cases import Expected
from physical_ai_learning.experts.dataset import Drawn, oracle
from physical_ai_planner.experts.council import Council, combined
from physical_ai_planner.experts.expert import ROUTER_FOLDER, SHARED, Expert

PASSES = 3  # over all cases; the quickest counts, which others on the machine disturb least
GRAVITY = {"abstain": 0, "tighten": 1, "ask": 2, "refuse": 3}


@dataclass(frozen=True)
class Figures:
    """Shares of cases; `missed`: milder than right, `needless`: something said where nothing was right to say.

    Costs a sentence: CPU time, operations, parameters read, experts awake beside the shared one. `load`: share of all
    wakings, and `word_share`: of all that had a word when the topics are known.
    """

    exact: float
    kind: float
    missed: float
    needless: float
    rule_recall: float
    cpu_us: float
    flops: float
    activated: float
    awake: float
    load: Mapping[str, float]


def expected_of(drawn: Sequence[Drawn], experts: Mapping[str, Expert]) -> list[Expected]:
    """Drawn cases with what is right for their topics."""
    found = []
    for k, one in enumerate(drawn):
        said = [advice for part in oracle(one, experts).values() for advice in part]
        judged = combined(one.case.goal, said)
        found.append(Expected(f"drawn-{k}", one.language, one.case, judged.kind, frozenset(judged.rules)))
    return found


def judge_all(council: Council | None, cases: Sequence[Expected]) -> Figures:
    """Judge every case; None: nobody is asked."""
    exact = kind = missed = needless = 0
    found = wanted = flops = awake = activated = 0.0
    load: Counter[str] = Counter()
    cpu_us = float("inf")
    for _ in range(PASSES):
        begun_s = time.process_time()
        judgements = [None if council is None else council.judge(case.case) for case in cases]
        cpu_us = min(cpu_us, 1e6 * (time.process_time() - begun_s) / len(cases))
    for case, judged in zip(cases, judgements, strict=True):
        said_kind = "abstain" if judged is None else judged.kind
        rules = frozenset() if judged is None else frozenset(judged.rules)
        exact += said_kind == case.kind and rules == case.rules
        kind += said_kind == case.kind
        missed += GRAVITY[said_kind] < GRAVITY[case.kind]
        needless += case.kind == "abstain" and said_kind != "abstain"
        found, wanted = found + len(rules & case.rules), wanted + len(case.rules)
        for entry in () if judged is None else judged.log:
            flops += entry.flops
            if entry.awake and entry.expert not in (ROUTER_FOLDER, SHARED):
                load[entry.expert] += 1
                awake += 1
        activated += 0 if council is None or judged is None else council.activated(case.case.sentence, judged)
    n = len(cases)
    return Figures(
        exact / n, kind / n, missed / n, needless / max(1, sum(c.kind == "abstain" for c in cases)),
        found / max(1.0, wanted), cpu_us, flops / n, activated / n, awake / n,
        {name: count / max(1, sum(load.values())) for name, count in sorted(load.items())},
    )  # fmt: skip
