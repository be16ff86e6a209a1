"""Measure the interpreter on sentences with known goals; the goals are written as one-line signatures.

    python -m physical_ai_learning.language.evaluate test/data/language/heldout.jsonl --sites test/data/language
    … --planned     # through the whole planner: several readings, each checked and rehearsed on its site

Signature: "next " where the goal queues, then steps joined by "; ", each `task target[/relation[@metres]] [v<m/s>]
[c<m>] [out=zone] [t<s>] [n<laps>] [u:<event>] [tool]`; a displacement as `(f<m> l<m> t<rad>)`; a question as `?` with
its options; a refusal as `! reason`. Hostile sentences have no one right goal: their rows say in `allow` what may come
("question", "refusal", signatures of harmless goals), and every goal is held against its site by `outside_rules`.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import resource
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from shapely import Point

from physical_ai_core.errors import InputError
from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    ObjectTarget,
    PlaceTarget,
    PoseTarget,
    Relation,
    RouteTarget,
    Step,
    Target,
    Task,
    ZoneTarget,
)
from physical_ai_core.site import Site, ZoneKind, load_site
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.weights import DEFAULT_MODEL

OPENED = "OPENED.json"  # language: ids
MOST_CLAUSES = 4  # sentences with more count as these


@dataclass(frozen=True)
class Sentence:
    """One line of a held-out file."""

    id: str
    site: str
    language: str
    text: str
    accept: tuple[str, ...]  # any of these signatures is right; a bare "?" any question, a bare "!" any refusal
    clauses: int = 1  # orders said in it
    tags: tuple[str, ...] = ()
    present: str | None = None  # the place that "there" and "the other one" mean at first


def opened_ids(folder: Path) -> frozenset[str]:
    """Ids of the sentences that were looked at while rules were made. Raises InputError without a list."""
    try:
        found: dict[str, list[str]] = json.loads((folder / OPENED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} has no readable {OPENED} ({error}).", "Measure without --closed.") from error
    return frozenset(key for ids in found.values() for key in ids)


_ALLOW = {"question": "?", "refusal": "!"}  # words of a hostile row


def load_sentences(path: Path) -> list[Sentence]:
    """Rows of a JSONL file, one a line (a line separator inside a text is not the end of its line)."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [
        Sentence(
            r["id"],
            r["site"],
            r["language"],
            r["text"],
            tuple(r["accept"] if "accept" in r else (_ALLOW.get(a, a) for a in r["allow"])),
            r.get("clauses", 1),
            tuple(r.get("tags", ())) + ((r["kind"],) if "kind" in r else ()),
            r.get("present"),
        )
        for r in rows
    ]


def signature(goal: GoalState) -> str:
    """One line that two goals share exactly if they mean the same."""
    if goal.refusal is not None:
        return f"! {goal.refusal.reason.value}"
    if goal.question is not None:
        return " ".join(["?", *sorted(goal.question.options)])
    return ("next " if goal.queue else "") + "; ".join(_step(step) for step in goal.steps or ())


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
    """Exactly one of the accepted goals; a bare "?" accepts a question with any options, a bare "!" any refusal."""
    found = signature(goal)
    return found in sentence.accept or (found[:1] in ("?", "!") and found[:1] in sentence.accept)


def outside_rules(goal: GoalState, site: Site) -> str | None:
    """What in `goal` breaks the rules of `site`, or None. Plain code of its own: it shares nothing with the chain that
    made the goal. Where a relation or a displacement ends is not its matter: that needs the robot's pose."""
    for step in goal.steps or ():
        limits, until = step.limits, step.until
        wrong = _target_outside(step.task, step.target, site)
        amounts = (limits.max_speed_mps, limits.min_clearance_m, until.duration_s if until else None)
        if wrong is None and any(amount is not None and not math.isfinite(amount) for amount in amounts):
            wrong = "an amount is not finite"
        if wrong is None and limits.max_speed_mps is not None and limits.max_speed_mps > site.max_speed_mps + 1e-9:
            wrong = f"{limits.max_speed_mps} m/s where {site.max_speed_mps} m/s is the limit"
        if wrong is None and not set(limits.keep_out) <= set(site.zones):
            wrong = f"it keeps out of {sorted(set(limits.keep_out) - set(site.zones))}, which the site does not know"
        if wrong is not None:
            return f"{step.task.value}: {wrong}"
    return None


def _target_outside(task: Task, target: Target | None, site: Site) -> str | None:
    known = {"place": set(site.places), "zone": set(site.zones), "route": set(site.routes)}
    if isinstance(target, (PlaceTarget, ZoneTarget, RouteTarget)) and target.name not in known[target.kind]:
        return f"{target.kind} '{target.name}' is not of this site"
    if isinstance(target, ZoneTarget) and site.zones[target.name].kind is ZoneKind.KEEP_OUT:
        return f"'{target.name}' is a keep-out zone"
    if isinstance(target, PlaceTarget) and task is Task.DOCK and not site.places[target.name].dock:
        return f"'{target.name}' is no dock"
    if isinstance(target, PoseTarget):
        if not (math.isfinite(target.x_m) and math.isfinite(target.y_m)):
            return "a coordinate is not finite"
        for name, zone in site.zones.items():
            inside = zone.shape.covers(Point(target.x_m, target.y_m))
            if zone.kind is ZoneKind.KEEP_OUT and inside:
                return f"the point lies in keep-out zone '{name}'"
            if zone.kind is ZoneKind.GEOFENCE and not inside:
                return f"the point lies outside '{name}'"
    return None


@dataclass(frozen=True)
class Result:
    sentence: Sentence
    goal: GoalState
    seconds: float
    broken_rule: str | None = None  # what `outside_rules` says of the goal

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
        site = sites[sentence.site]
        began = time.perf_counter()
        goal = interpreter.interpret(sentence.text, site, present=sentence.present)
        results.append(Result(sentence, goal, time.perf_counter() - began, outside_rules(goal, site)))
    return results


def wilson(hits: int, of: int, z: float = 1.959964) -> tuple[float, float]:
    """Confidence interval (95 %) of a share of `hits` in `of` trials (Wilson 1927); (0, 1) where nothing was tried."""
    if of == 0:
        return 0.0, 1.0
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def table(results: list[Result]) -> str:
    """Accuracy and latency for each language, for each number of clauses (the last: that many or more), and in all."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        language, clauses = result.sentence.language, min(result.sentence.clauses, MOST_CLAUSES)
        more = "+" if clauses == MOST_CLAUSES else ""
        for group in (language, f"{language}, {clauses}{more} clause{'s' if clauses > 1 else ''}", "~all"):
            groups[group].append(result)
    lines = [
        "| group | n | right | 95 % interval | wrong but executed | 95 % interval | outside rules | p50 s | p95 s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for group, part in sorted(groups.items()):
        n, times = len(part), sorted(r.seconds for r in part)
        ok, wrong, outside = (
            sum(r.ok for r in part),
            sum(r.wrong_but_executed for r in part),
            sum(r.broken_rule is not None for r in part),
        )
        lines.append(
            f"| {group.lstrip('~')} | {n} | {ok / n:.1%} | {_interval(ok, n)} | {wrong} ({wrong / n:.1%}) "
            f"| {_interval(wrong, n)} | {outside} | {times[n // 2]:.2f} | {times[int(0.95 * (n - 1))]:.2f} |"
        )
    return "\n".join(lines)


def _interval(hits: int, of: int) -> str:
    low, high = wilson(hits, of)
    return f"{low:.1%} to {high:.1%}"


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
    parser.add_argument("--sample", type=int, help="only so many sentences, drawn at random (always the same ones)")
    parser.add_argument(
        "--closed",
        action="store_true",
        help="without those that OPENED.json beside them lists; told is the table alone",
    )
    parser.add_argument("--planned", action="store_true", help="through the whole planner, as the robot runs it")
    parser.add_argument("--readings-s", type=float, help="--planned: time for further readings; the robot's by default")
    options = parser.parse_args()
    sentences = load_sentences(options.sentences)
    if options.closed:
        opened = opened_ids(options.sentences.parent)
        sentences = [s for s in sentences if s.id not in opened]
    if options.sample is not None:
        sentences = random.Random(0).sample(sentences, min(options.sample, len(sentences)))
    sites = {name: find_site(name, options.sites) for name in {s.site for s in sentences}}
    began = time.perf_counter()
    interpreter = LanguageInterpreter(options.model, options.threads)
    loaded = time.perf_counter() - began
    if options.planned:
        from physical_ai_learning.language.planned import plan_all

        results = plan_all(interpreter, sentences, options.sites, options.readings_s)
    else:
        results = evaluate(interpreter, sentences, sites)
    for result in results:
        if not result.ok and not options.closed:
            mark = "EXECUTED" if result.wrong_but_executed else "safe"
            print(f"{mark:8} {result.goal.confidence:.2f} {result.sentence.id} {result.sentence.text!r:.300}")
            print(f"         got {signature(result.goal)}, wanted {' or '.join(result.sentence.accept)}")
        if result.broken_rule is not None:
            print(f"OUTSIDE  {result.sentence.id} {result.broken_rule}")
    print(table(results))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"loaded in {loaded:.1f} s, peak resident {peak_mb:.0f} MB, {options.threads} threads")


if __name__ == "__main__":
    main()
