"""More time, better answers? Sentences with known goals, read in k ways, each reading tried out on its site.

The world model is a real one, fed with a person who walks by; the robot stands at the site's start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physical_ai_bench.page import FOLDER, Page
from physical_ai_control.drive_forecast import ControllerDrive
from physical_ai_control.parameters import ControllerParameters
from physical_ai_core import layouts
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.goal import GoalState, Question, Words
from physical_ai_core.messages import Battery, Objects, Odometry, Pose
from physical_ai_core.site import Site
from physical_ai_learning.language.evaluate import Sentence, find_site, load_sentences, outside_rules, right, wilson
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.hypotheses import Choose, Confirm, Decision, Obey, Reply
from physical_ai_planner.interpreter import Reading
from physical_ai_planner.language.interpreter import LanguageInterpreter
from physical_ai_planner.language.nbest import Budget
from physical_ai_planner.language.weights import DEFAULT_MODEL
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters

NAME = "hypotheses"
COUNTS = (1, 2, 4, 8)
SECONDS = (0.1,)
WALK_S, PERIOD_S = 1.0, 0.05
CHARGE = 0.6  # of the battery
NOW_S = 100.0
ABOUT = (
    "`physical-ai bench hypotheses`: {n} sentences of {file} on {sites} sites; of each the k most probable goal lines, "
    "grounded, checked and rehearsed on the site with the robot at its start, a person walking by (predicted by the "
    "world model) and the controller's idea of a drive. *Exact at once*: an accepted goal, question or refusal came "
    "out. *After one answer*: or the question that came out names an accepted goal. *Wrong but executed*: steps came "
    "out that are not what was meant. CPU time is the process's, one thread; `s` is the budget for readings after the "
    "first."
)


@dataclass(frozen=True)
class Outcome:
    """What came of one sentence. `offered`: goals that an answer to its question would give."""

    sentence: Sentence
    goal: GoalState
    offered: tuple[GoalState, ...]
    reading_s: float
    judging_s: float
    outside: bool

    @property
    def exact(self) -> bool:
        return right(self.goal, self.sentence)

    @property
    def after_answer(self) -> bool:
        return self.exact or any(right(goal, self.sentence) for goal in self.offered)

    @property
    def wrong(self) -> bool:
        return self.goal.steps is not None and not self.exact


class Stage:
    """A planner on one site, with the robot at its start and two things to see."""

    def __init__(self, site: Site, site_path: str) -> None:
        driver = ControllerDrive(ControllerParameters())
        self.core = PlannerCore(PlannerParameters(site=site_path), None, driver=driver)
        self.site, start = site, site.places[site.start].pose
        pose = np.array([start.x_m, start.y_m, start.yaw_rad])
        world = WorldModelCore(WorldModelParameters(people_model="kalman"))
        zero, still = np.zeros(3), quaternion_of_yaw(0.0)
        for tick in range(round(WALK_S / PERIOD_S) + 1):
            stamp = NOW_S - WALK_S + tick * PERIOD_S
            here = Odometry(
                stamp, "odom", "base_link", np.array([*pose[:2], 0.0]), quaternion_of_yaw(pose[2]), zero, zero
            )
            seen = Objects(stamp, "odom", _things(pose, tick * PERIOD_S))
            for topic, said in (("state/odometry", here), ("state/objects", seen)):
                world.handle(topic, said, stamp)
                self.core.handle(topic, said, stamp)
            self.core.handle("state/map_to_odom", Pose(stamp, "map", zero, still, np.eye(6) * 4e-4), stamp)
            for topic, said in world.tick(stamp):
                if topic == "world_model/prediction":
                    self.core.handle(topic, said, stamp)
            self.core.handle("battery_state", Battery(stamp, "base_link", CHARGE), stamp)
        self.core.tick(NOW_S)

    def decide(self, readings: Sequence[Reading]) -> Decision:
        return self.core.judge.judge(readings, NOW_S)


def _things(pose: np.ndarray, time_s: float) -> layouts.Rows:
    """A person who crosses three metres ahead, and a vehicle that stands."""
    ahead, left = np.array([np.cos(pose[2]), np.sin(pose[2])]), np.array([-np.sin(pose[2]), np.cos(pose[2])])
    rows = layouts.empty(layouts.OBJECT, 2)
    at = np.array([pose[:2] + 3.0 * ahead + (0.8 * time_s - 1.5) * left, pose[:2] + 5.0 * ahead - 3.0 * left])
    rows["id"], rows["x"], rows["y"] = (1, 2), at[:, 0], at[:, 1]
    rows["vx"][0], rows["vy"][0] = 0.8 * left
    rows["radius"], rows["existence"] = (0.3, 0.8), 1.0
    rows["class_id"] = [layouts.OBJECT_CLASSES.index(name) for name in ("person", "vehicle")]
    layouts.set_covariances(rows, np.tile(np.diag([9e-4, 9e-4, 0.01, 0.01]), (2, 1, 1)))
    return rows


def outcome(sentence: Sentence, stage: Stage, readings: Sequence[Reading], reading_s: float) -> Outcome:
    """The planner's answer to a sentence with these readings."""
    began = time.process_time()
    decision = stage.decide(readings)
    judging_s = time.process_time() - began
    goal, offered = _said(decision)
    outside = goal.steps is not None and outside_rules(goal, stage.site) is not None
    return Outcome(sentence, goal, offered, reading_s, judging_s, outside)


def _said(decision: Decision) -> tuple[GoalState, tuple[GoalState, ...]]:
    asked = GoalState(question=Question(text=Words(en="?", ja="?")))
    if isinstance(decision, Obey):
        return decision.best.goal, ()
    if isinstance(decision, Confirm):
        return asked, (decision.best.goal,)
    if isinstance(decision, Choose):
        return asked, tuple(rival.goal for rival in decision.rivals)
    assert isinstance(decision, Reply)
    why = decision.why
    return (why.goal if why.refused is None else GoalState(refusal=why.refused.refusal)), ()


def rows_of(label: str, results: Sequence[Outcome]) -> tuple[str, ...]:
    n = len(results)
    exact, answered, wrong = (sum(getattr(r, name) for r in results) for name in ("exact", "after_answer", "wrong"))
    asked = sum(r.goal.question is not None and bool(r.offered) for r in results)
    low, high = wilson(exact, n)
    spent = np.sort([r.reading_s + r.judging_s for r in results])
    judging = 1e3 * float(np.mean([r.judging_s for r in results]))
    return (
        label, f"{exact / n:.1%} ({low:.1%} to {high:.1%})", f"{answered / n:.1%}", f"{wrong} ({wrong / n:.2%})",
        str(asked), str(sum(r.outside for r in results)), f"{spent[n // 2]:.2f}", f"{spent[int(0.95 * (n - 1))]:.2f}",
        f"{judging:.0f}",
    )  # fmt: skip


def hypotheses_page(
    sentences_file: Path,
    folder: Path = FOLDER,
    most: int | None = None,
    model: str = DEFAULT_MODEL,
    report: Callable[[int, int], None] = lambda done, of: None,
) -> Page:
    """The table and the curve over k and over seconds."""
    sentences = load_sentences(sentences_file)
    if most is not None and most < len(sentences):
        sentences = [sentences[i] for i in np.linspace(0, len(sentences) - 1, most).astype(int)]
    near = sentences_file.parent
    stages = {name: _stage(name, near) for name in sorted({s.site for s in sentences})}
    interpreter = LanguageInterpreter(model, threads=1)
    configurations = [(f"k = {k}", Budget(lines=k)) for k in COUNTS]
    configurations += [(f"k = 8, {seconds:g} s", Budget(lines=8, seconds=seconds)) for seconds in SECONDS]
    total = len(sentences) * len(configurations)
    done, results = 0, {}
    for label, budget in configurations:
        found, alone = [], []
        for sentence in sentences:
            stage = stages[sentence.site]
            began = time.process_time()
            goal, readings = interpreter.read(sentence.text, stage.site, present=sentence.present, budget=budget)
            spent = time.process_time() - began
            found.append(outcome(sentence, stage, readings, spent))
            alone.append(Outcome(sentence, goal, (), spent, 0.0, outside_rules(goal, stage.site) is not None))
            report(done := done + 1, total)
        results[label] = found
        if budget.lines == 1:
            results = {"first line, unchecked": alone, label: found}
    table = [rows_of(label, found) for label, found in results.items()]
    picture = _plot(results, folder / f"{_name(sentences_file)}.png")
    header = (
        "readings", "exact at once (95 %)", "after one answer", "wrong but executed", "asked to choose or confirm",
        "outside the rules", "CPU s p50", "CPU s p95", "checking ms",
    )  # fmt: skip
    about = ABOUT.format(n=len(sentences), file=f"`{sentences_file.name}`", sites=len(stages))
    return Page(_name(sentences_file), "Hypothesis and check", about, header, table, _notes(results), (picture,))


def _name(sentences_file: Path) -> str:
    return NAME if sentences_file.stem == "heldout" else f"{NAME}_{sentences_file.stem}"


def _stage(name: str, folder: Path) -> Stage:
    local = folder / f"{name}.yaml"
    return Stage(find_site(name, folder), str(local) if local.exists() else name)


def _notes(results: dict[str, list[Outcome]]) -> str:
    """Sentences that still come out wrong with the largest budget, as data for whoever mends them."""
    last = results[f"k = {COUNTS[-1]}"]
    wrong = [f"- {r.sentence.id}: “{r.sentence.text[:80]}”" for r in last if r.wrong]
    return "\n".join([f"Executed and not what was meant, k = {COUNTS[-1]}:", "", *wrong]) if wrong else ""


def _plot(results: dict[str, list[Outcome]], path: Path) -> str:
    """Accuracy, questions and errors over CPU time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    labels = [f"k = {k}" for k in COUNTS]
    spent = [float(np.mean([r.reading_s + r.judging_s for r in results[label]])) for label in labels]

    def share(count: Callable[[Outcome], bool]) -> list[float]:
        return [100.0 * float(np.mean([count(r) for r in results[label]])) for label in labels]

    figure, axes = pyplot.subplots(1, 2, figsize=(9.0, 3.4))
    lines: Iterable[tuple[int, str, list[float]]] = (
        (0, "exact at once", share(lambda r: r.exact)),
        (0, "after one answer", share(lambda r: r.after_answer)),
        (1, "wrong but executed", share(lambda r: r.wrong)),
        (1, "asked to choose or confirm", share(lambda r: bool(r.offered))),
    )
    for axis, name, values in lines:
        axes[axis].plot(spent, values, "o-", label=name)
    for axis in axes:
        axis.set_xlabel("mean CPU time a sentence (s)")
        axis.set_ylabel("sentences (%)")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    for x, label in zip(spent, labels, strict=True):
        axes[0].annotate(label, (x, axes[0].get_ylim()[0]), fontsize=7, rotation=90, va="bottom")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path.name
