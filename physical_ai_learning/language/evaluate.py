"""Measure the interpreter on sentences with known goals; the goals are written as one-line signatures.

    python -m physical_ai_learning.language.evaluate test/data/language/heldout.jsonl --sites test/data/language

Signature: steps joined by "; ", each `task target[/relation[@metres]] [v<m/s>] [c<m>] [out=zone] [t<s>] [n<laps>]
[u:<event>] [tool]`; a displacement as `(f<m> l<m> t<rad>)`; a question as `?` with its options; a refusal as
`! reason`.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from physical_ai_core.goal import DisplacementTarget, GoalState, ObjectTarget, PlaceTarget, PoseTarget, Relation, Step
from physical_ai_core.site import Site, load_site
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.weights import DEFAULT_MODEL


@dataclass(frozen=True)
class Sentence:
    """One line of a held-out file."""

    id: str
    site: str
    language: str
    text: str
    accept: tuple[str, ...]  # any of these signatures is right


def load_sentences(path: Path) -> list[Sentence]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [Sentence(r["id"], r["site"], r["language"], r["text"], tuple(r["accept"])) for r in rows]


def signature(goal: GoalState) -> str:
    """One line that two goals share exactly if they mean the same."""
    if goal.refusal is not None:
        return f"! {goal.refusal.reason.value}"
    if goal.question is not None:
        return " ".join(["?", *sorted(goal.question.options)])
    return "; ".join(_step(step) for step in goal.steps or ())


def _step(step: Step) -> str:
    parts = [step.task.value]
    target = step.target
    if isinstance(target, DisplacementTarget):
        parts.append(f"(f{target.forward_m:.3g} l{target.left_m:.3g} t{round(target.turn_rad, 2):.4g})")
    elif isinstance(target, ObjectTarget):
        parts.append(target.class_name)
    elif isinstance(target, PoseTarget):
        parts.append(f"({target.x_m:.3g}, {target.y_m:.3g})")
    elif isinstance(target, PlaceTarget):
        relation = "" if target.relation is Relation.AT else f"/{target.relation.value}"
        parts.append(target.name + relation + (f"@{target.distance_m:.3g}" if target.distance_m is not None else ""))
    elif target is not None:
        parts.append(target.name)
    limits, until = step.limits, step.until
    if limits.max_speed_mps is not None:
        parts.append(f"v{limits.max_speed_mps:.3g}")
    if limits.min_clearance_m is not None:
        parts.append(f"c{limits.min_clearance_m:.3g}")
    if limits.keep_out:
        parts.append(f"out={','.join(sorted(limits.keep_out))}")
    if until is not None and until.duration_s is not None:
        parts.append(f"t{until.duration_s:.6g}")
    if until is not None and until.laps is not None:
        parts.append(f"n{until.laps}")
    if until is not None and until.event is not None:
        parts.append(f"u:{until.event.value}")
    if step.tool:
        parts.append("tool")
    return " ".join(parts)


def right(goal: GoalState, sentence: Sentence) -> bool:
    """Exactly one of the accepted goals; a bare "?" accepts a question with any options."""
    found = signature(goal)
    return found in sentence.accept or (found.startswith("?") and "?" in sentence.accept)


@dataclass(frozen=True)
class Result:
    sentence: Sentence
    goal: GoalState
    seconds: float

    @property
    def ok(self) -> bool:
        return right(self.goal, self.sentence)

    @property
    def wrong_but_executed(self) -> bool:
        """Steps came out, and they are not what was meant: the error that matters."""
        return not self.ok and self.goal.steps is not None


def evaluate(interpreter: LanguageInterpreter, sentences: list[Sentence], sites: dict[str, Site]) -> list[Result]:
    results = []
    for sentence in sentences:
        began = time.perf_counter()
        goal = interpreter.interpret(sentence.text, sites[sentence.site])
        results.append(Result(sentence, goal, time.perf_counter() - began))
    return results


def table(results: list[Result]) -> str:
    """Accuracy and latency for each language."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[result.sentence.language].append(result)
        groups["all"].append(result)
    lines = ["| language | sentences | exact | wrong but executed | p50 s | p95 s |", "|---|---|---|---|---|---|"]
    for language, part in sorted(groups.items()):
        times = sorted(r.seconds for r in part)
        exact, wrong = sum(r.ok for r in part) / len(part), sum(r.wrong_but_executed for r in part)
        p50, p95 = times[len(times) // 2], times[int(0.95 * (len(times) - 1))]
        lines.append(f"| {language} | {len(part)} | {exact:.1%} | {wrong} | {p50:.2f} | {p95:.2f} |")
    return "\n".join(lines)


def find_site(name: str, folder: Path | None) -> Site:
    """A site beside the sentences, else one of the package."""
    local = folder / f"{name}.yaml" if folder else None
    return load_site(str(local)) if local is not None and local.exists() else load_site(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--sites", type=Path, help="folder of the site files that do not come with the package")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    sentences = load_sentences(options.sentences)
    sites = {name: find_site(name, options.sites) for name in {s.site for s in sentences}}
    began = time.perf_counter()
    interpreter = LanguageInterpreter(options.model, options.threads)
    loaded = time.perf_counter() - began
    results = evaluate(interpreter, sentences, sites)
    for result in results:
        if not result.ok:
            mark = "EXECUTED" if result.wrong_but_executed else "safe"
            print(f"{mark:8} {result.goal.confidence:.2f} {result.sentence.text}")
            print(f"         got {signature(result.goal)}, wanted {' or '.join(result.sentence.accept)}")
    print(table(results))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"loaded in {loaded:.1f} s, peak resident {peak_mb:.0f} MB, {options.threads} threads")


if __name__ == "__main__":
    main()
