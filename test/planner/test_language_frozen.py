"""The frozen test sets: nobody changed them, and every label can be a goal of the site it belongs to."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from physical_ai_core.errors import InputError
from physical_ai_core.goal import (
    DisplacementTarget,
    GoalState,
    Limits,
    PlaceTarget,
    PoseTarget,
    Question,
    Refusal,
    RefusalReason,
    Relation,
    Step,
    Task,
    Until,
    Words,
    ZoneTarget,
)
from physical_ai_core.goal import Event as GoalEvent
from physical_ai_core.site import Site, load_site
from physical_ai_learning.language.evaluate import (
    Sentence,
    load_sentences,
    opened_ids,
    outside_rules,
    right,
    signature,
    wilson,
)
from physical_ai_learning.language.frozen import check, freeze, measure

FOLDER = Path(__file__).parents[1] / "data" / "language" / "frozen"
GOALS = sorted(p.name for p in FOLDER.glob("??.jsonl"))
HOSTILE = sorted(p.name for p in FOLDER.glob("hostile_*.jsonl"))
AT_LEAST = {"en.jsonl": 620, "ja.jsonl": 620, "hostile_en.jsonl": 260, "hostile_ja.jsonl": 260}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").split("\n") if line.strip()]


@lru_cache(maxsize=16)
def site(name: str) -> Site:
    return load_site(str(FOLDER / f"{name}.yaml"))


def test_the_files_are_as_they_were_frozen() -> None:
    check(FOLDER)


@pytest.mark.parametrize("name", GOALS + HOSTILE)
def test_a_set_is_as_large_as_promised(name: str) -> None:
    assert len(rows(name)) >= AT_LEAST[name]


@pytest.mark.parametrize("name", GOALS + HOSTILE)
def test_no_two_rows_share_an_id_or_a_sentence(name: str) -> None:
    ids = Counter(row["id"] for row in rows(name))
    said = Counter((row["site"], " ".join(row["text"].lower().split()), row.get("present")) for row in rows(name))
    assert [key for key, n in (ids + said).items() if n > 1] == []


@pytest.mark.parametrize("name", GOALS)
def test_every_accepted_goal_can_be_one_of_its_site(name: str) -> None:
    sites = {row["site"]: site(row["site"]) for row in rows(name)}
    wrong = [(row["id"], error) for row in rows(name) if (error := label_error(row, sites[row["site"]]))]
    assert wrong == []


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_allowed_for_a_hostile_sentence_obeys_the_rules_of_its_site(name: str) -> None:
    sites = {row["site"]: site(row["site"]) for row in rows(name)}
    wrong = []
    for row in rows(name):
        goals = [allowed for allowed in row["allow"] if allowed not in ("question", "refusal")]
        wrong += [(row["id"], goal) for goal in goals if goal_error(goal, sites[row["site"]])]
        assert {"question", "refusal"} & set(row["allow"]) and row["kind"], row["id"]
    assert wrong == []


@pytest.mark.parametrize("name", GOALS)
def test_the_set_holds_long_orders_questions_and_refusals(name: str) -> None:
    clauses = Counter(min(row["clauses"], 4) for row in rows(name))
    first = Counter(row["accept"][0][0] if row["accept"][0][0] in "?!" else "goal" for row in rows(name))
    total = len(rows(name))
    assert clauses[2] >= 0.2 * total and clauses[3] >= 0.1 * total and clauses[4] >= 0.07 * total
    assert first["?"] >= 0.08 * total and first["!"] >= 0.08 * total


def label_error(row: dict[str, Any], at: Site) -> str | None:
    """Why a row's label cannot be right, or None."""
    if (
        not row["accept"]
        or row["clauses"] < 1
        or row.get("present", at.start) not in at.places.keys() | at.zones.keys()
    ):
        return "no label, no clause, or a present place that is none"
    errors = [error for accepted in row["accept"] if (error := accept_error(accepted, at))]
    return errors[0] if errors else None


def accept_error(accepted: str, at: Site) -> str | None:
    if accepted.startswith("?"):
        known = at.places.keys() | at.zones.keys() | at.routes.keys()
        return None if set(accepted[1:].split()) <= known else accepted
    if accepted.startswith("!"):
        return None if accepted[2:] in {reason.value for reason in RefusalReason} else accepted
    return goal_error(accepted, at)


def goal_error(accepted: str, at: Site) -> str | None:
    """Read a signature back into a goal: it must be one, be written in the one way, and obey the site's rules."""
    try:
        goal = read_signature(accepted, at)
    except (ValueError, KeyError) as error:
        return f"{accepted}: {error}"
    if signature(goal) != accepted:
        return f"{accepted} would be written {signature(goal)}"
    return outside_rules(goal, at)


def read_signature(text: str, at: Site) -> GoalState:
    steps = [read_step(step, at) for step in text.removeprefix("next ").split("; ")]
    return GoalState.model_validate({"steps": steps, "queue": text.startswith("next ")})


def read_step(text: str, at: Site) -> dict[str, Any]:
    word, _, rest = text.partition(" ")
    step: dict[str, Any] = {"task": word, "limits": {}, "until": {}}
    if move := re.match(r"\(f(\S+) l(\S+) t(\S+)\)", rest):
        forward, left, turn = (float(number) for number in move.groups())
        step["target"] = {"kind": "displacement", "forward_m": forward, "left_m": left, "turn_rad": turn}
        rest = rest[move.end() :]
    elif point := re.match(r"\((\S+), (\S+)\)", rest):
        step["target"] = {"kind": "pose", "x_m": float(point[1]), "y_m": float(point[2])}
        rest = rest[point.end() :]
    elif word not in ("wait", "stop", "resume", "cancel"):
        name, _, rest = rest.partition(" ")
        step["target"] = read_target(word, name, at)
    for part in rest.split():
        read_part(step, part)
    return {key: value for key, value in step.items() if value != {}}


def read_part(step: dict[str, Any], part: str) -> None:
    if part == "tool":
        step["tool"] = True
    elif part.startswith("out="):
        step["limits"]["keep_out"] = part[4:].split(",")
    elif part.startswith("u:"):
        step["until"]["event"] = part[2:]
    elif part[0] in "vc":
        step["limits"][{"v": "max_speed_mps", "c": "min_clearance_m"}[part[0]]] = float(part[1:])
    else:
        step["until"][{"t": "duration_s", "n": "laps"}[part[0]]] = float(part[1:])


def read_target(task: str, text: str, at: Site) -> dict[str, Any]:
    if task == "follow" or text in ("person", "vehicle", "any"):
        return {"kind": "object", "class_name": text}
    place, _, relation = text.partition("/")
    kind = "zone" if place in at.zones else "route" if place in at.routes else "place"
    target: dict[str, Any] = {"kind": kind, "name": place}
    relation, _, distance = relation.partition("@")
    if relation:
        target["relation"] = relation
    if distance:
        target["distance_m"] = float(distance)
    return target


# --- what the measure itself promises


def goal(*steps: Step, queue: bool = False) -> GoalState:
    return GoalState(steps=steps, queue=queue)


HOSPITAL = site("hospital")


def test_a_changed_file_is_noticed_and_a_new_manifest_says_so(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "set")
    freeze(tmp_path / "set")
    check(tmp_path / "set")
    with (tmp_path / "set" / "en.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(InputError, match=r"en\.jsonl"):
        check(tmp_path / "set")


def test_a_folder_without_manifest_is_refused_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--write"):
        check(tmp_path)
    assert measure(tmp_path) == {}


def test_a_queued_goal_begins_with_next() -> None:
    assert signature(goal(Step(task=Task.WAIT), queue=True)) == "next wait"


def test_a_bare_refusal_mark_accepts_any_refusal_and_nothing_else() -> None:
    sentence = Sentence("1", "hospital", "en", "x", ("!",))
    words = Words(en="no", ja="不可")
    assert right(GoalState(refusal=Refusal(reason=RefusalReason.FORBIDDEN, text=words)), sentence)
    assert not right(GoalState(question=Question(text=words)), sentence)
    assert not right(goal(Step(task=Task.WAIT)), sentence)


def test_the_fields_of_a_row_are_read(tmp_path: Path) -> None:
    row = {"id": "a", "site": "s", "language": "en", "text": "x", "allow": ["question", "wait"], "kind": "harm"}
    both = [row, {**row, "accept": ["stop"], "clauses": 3, "tags": ["t"], "present": "p"}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in both), encoding="utf-8")
    hostile, plain = load_sentences(tmp_path / "a.jsonl")
    assert hostile.accept == ("?", "wait") and hostile.tags == ("harm",) and hostile.present is None
    assert plain.accept == ("stop",) and plain.clauses == 3 and plain.present == "p"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step(task=Task.NAVIGATE, target=PlaceTarget(name="vault")), "vault"),
        (Step(task=Task.NAVIGATE, target=ZoneTarget(name="mri_room")), "keep-out"),
        (Step(task=Task.INSPECT, target=PoseTarget(x_m=42.0, y_m=-12.0)), "mri_room"),
        (Step(task=Task.NAVIGATE, target=PoseTarget(x_m=900.0, y_m=0.0)), "ground_floor"),
        (Step(task=Task.DOCK, target=PlaceTarget(name="lab")), "no dock"),
        (Step(task=Task.WAIT, limits=Limits(max_speed_mps=1.5)), "limit"),
        (Step(task=Task.WAIT, limits=Limits(keep_out=("moon",))), "moon"),
    ],
)
def test_a_goal_outside_the_rules_is_named(step: Step, said: str) -> None:
    lawful = Step(task=Task.NAVIGATE, target=PlaceTarget(name="ward_1", relation=Relation.FRONT, distance_m=1.0))
    found = outside_rules(goal(lawful, step), HOSPITAL)
    assert found is not None and said in found


def test_lawful_goals_questions_and_refusals_break_no_rule() -> None:
    lawful = (
        Step(task=Task.DOCK, target=PlaceTarget(name="charger"), until=Until(event=GoalEvent.BATTERY_FULL)),
        Step(task=Task.NAVIGATE, target=DisplacementTarget(forward_m=2.0), limits=Limits(max_speed_mps=1.0)),
        Step(task=Task.COVER, target=ZoneTarget(name="lobby"), limits=Limits(keep_out=("waiting_area",))),
        Step(task=Task.NAVIGATE, target=PoseTarget(x_m=1.0, y_m=1.0)),
    )
    assert outside_rules(goal(*lawful), HOSPITAL) is None
    assert outside_rules(GoalState(question=Question(text=Words(en="?", ja="?"))), HOSPITAL) is None


def test_the_wilson_interval_is_that_of_the_tables() -> None:
    low, high = wilson(97, 100)  # statsmodels' proportion_confint(97, 100, method="wilson")
    assert low == pytest.approx(0.9154, abs=5e-4) and high == pytest.approx(0.9897, abs=5e-4)
    assert wilson(0, 0) == (0.0, 1.0) and wilson(0, 600)[1] == pytest.approx(0.0064, abs=1e-4)


def test_what_was_opened_are_sentences_of_the_set_and_most_are_closed() -> None:
    opened = opened_ids(FOLDER)
    ids = {s.id for name in GOALS for s in load_sentences(FOLDER / name)}
    assert opened < ids and len(ids - opened) > len(ids) / 2
