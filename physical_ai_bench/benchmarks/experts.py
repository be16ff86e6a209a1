"""Benchmark `experts`: nobody, the routed two, and all of the planner's experts, over the same cases."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from physical_ai_bench.page import Page
from physical_ai_learning.experts.cases import LIVE, ROBOT, SITE, goal_of, read_cases
from physical_ai_learning.experts.dataset import Source
from physical_ai_learning.experts.evaluate import Figures, expected_of, judge_all
from physical_ai_learning.experts.phrases import LANGUAGES
from physical_ai_planner.experts.case import Case
from physical_ai_planner.experts.council import TOP_K, Council
from physical_ai_planner.experts.expert import default_folder, totals

DRAWN: Final = 1500
SEED: Final = 7
ORDERS: Final = Path("test/data/language/frozen")
RETRAINED: Final = "control"
HEADER: Final = (
    "cases", "who is asked", "kind and rules exact", "kind right", "milder than right", "needless", "rules found",
    "awake", "parameters read", "FLOPs", "KV cache, bytes", "CPU, µs", "CPU against all",
)  # fmt: skip
ABOUT: Final = (
    "`physical-ai bench experts`. *Drawn*: {drawn} orders of phrase and order templates that no network learnt from,"
    " with facts drawn at random; right is what the rules say when the topics of the words are known. *By hand*:"
    " {hand} orders in English and Japanese with the advice a person expects, written before the phrases, by the"
    " same author. *Needless*: share of the orders about which nothing is to be said. Costs are a sentence's; CPU"
    " time, mean of the quickest of three passes, so ratios count. *Parameters read*: of router and awake heads."
)


def experts_page(cases: Path, report: Callable[[str, float, float], None], retrain: bool = True) -> Page:
    """Figures of the package's experts. `retrain`: also train one anew in a copy, and compare. Raises InputError."""
    folder = default_folder()
    routed, everybody = Council(folder), Council(folder, mode="all")
    drawn = Source(folder, sorted(routed.experts)).draw(DRAWN, "test", SEED)
    sets = {"drawn": expected_of(drawn, routed.experts), "by hand": read_cases(cases)}
    asked: tuple[tuple[str, Council | None], ...] = (
        ("nobody", None), (f"routed, top {TOP_K}", routed), ("all, always", everybody),
    )  # fmt: skip
    rows, loads = [], []
    for number, (name, expected) in enumerate(sets.items()):
        figures = {}
        for who, council in asked:
            judge_all(council, expected[:50])  # warm
            figures[who] = judge_all(council, expected)
            report("judging", 3 * number + len(figures), 3 * len(sets))
        rows += [_row(name, who, f, figures["all, always"]) for who, f in figures.items()]
        loads.append(f"{name} " + ", ".join(f"{n} {100 * s:.0f} %" for n, s in figures[asked[1][0]].load.items()))
    sums = totals(routed.experts, routed.router)
    total = sums["router"] + sum(sums["heads"].values())
    notes = (
        f"Parameters in all: {total:,} ({sums['router']:,} of the router, {max(sums['heads'].values()):,} a head; most"
        " are embeddings, of which a sentence reads its own rows only). No expert is a language model or an adapter,"
        f" so nobody keeps a KV cache. Load of the routed, share of all wakings: {'; '.join(loads)}. {_balance(folder)}"
    )
    notes += " " + _of_others(routed)
    if retrain:
        notes += " " + _retrained(folder, report)
    return Page(
        "experts", "The planner's experts", ABOUT.format(drawn=DRAWN, hand=len(sets["by hand"])), HEADER, rows, notes
    )


def _row(name: str, who: str, f: Figures, most: Figures) -> tuple[str, ...]:
    shares = (f.exact, f.kind, f.missed, f.needless, f.rule_recall)
    return (
        name, who, *(f"{100 * s:.1f} %" for s in shares), f"{f.awake:.2f}", f"{f.activated:,.0f}", f"{f.flops:,.0f}",
        "0", f"{f.cpu_us:.0f}", f"{f.cpu_us / most.cpu_us:.2f}",
    )  # fmt: skip


def _balance(folder: Path) -> str:
    """What the load-balancing loss changed, from the router's card."""
    from physical_ai_planner.experts.net import read_card

    metrics: dict[str, Any] = read_card(folder / "router")["metrics"]
    without = metrics["without_balance"]

    def spread(found: dict[str, Any]) -> str:
        load = found["load"].values()
        return (
            f"{100 * min(load):.0f} to {100 * max(load):.0f} % of the load, {100 * found['woken_right']:.1f} % of words"
        )

    return (
        f"Router on held-out templates, with the load-balancing loss: {spread(metrics)} of experts that have one woken;"
        f" trained without it: {spread(without)}."
    )


def _of_others(council: Council) -> str:
    """What becomes of orders that others wrote to test the language model, put as drives to one place."""
    kinds: Counter[str] = Counter()
    for language in LANGUAGES:
        path = ORDERS / f"{language}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in lines:
            case = Case(json.loads(line)["text"], goal_of("navigate gate"), SITE, ROBOT, LIVE, 20.0)
            kinds[council.judge(case).kind] += 1
    count = max(1, sum(kinds.values()))
    told = ", ".join(f"{kind} {100 * kinds[kind] / count:.1f} %" for kind in ("abstain", "tighten", "ask", "refuse"))
    return (
        f"Of {sum(kinds.values()):,} orders that others wrote to test the language model (some about loads, haste or"
        f" roads), in a usual state: {told}."
    )


def _retrained(folder: Path, report: Callable[[str, float, float], None]) -> str:
    """Train one expert anew in a copy of the folder, with another seed, and compare every file."""
    from physical_ai_learning.experts.train import Settings, run

    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "experts"
        shutil.copytree(folder, copy)
        before = _hashes(copy)
        run(copy, Settings(sentences=2000, held=400, rounds=2, seed=1), RETRAINED, Path(name) / "out", report)
        after = _hashes(copy)
        metrics = json.loads((Path(name) / "out" / "experts_metrics.json").read_text(encoding="utf-8"))
    changed = sorted(path for path in before if before[path] != after.get(path))
    same = len(before) - len(changed)
    return (
        f"Retrained alone: after `physical-ai train experts --only {RETRAINED}` (another seed, smaller, in a copy)"
        f" {', '.join(changed)} differ and the other {same} files are byte for byte what they were"
        f" ({len(metrics) - 1} network trained)."
    )


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip
