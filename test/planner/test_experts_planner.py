"""The experts: they only tighten, ask or refuse; unknown facts, spoilt files and new folders; routing; their seat."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from planner_driver import Drive, go, goal

from physical_ai_core.errors import InputError, ModelError
from physical_ai_core.goal import GoalState, Limits, Step, Task, Words
from physical_ai_core.reports import Verdict
from physical_ai_core.site import Datum
from physical_ai_learning.experts.cases import LIVE, ROBOT, SITE, goal_of, read_cases
from physical_ai_learning.experts.phrases import read_phrases
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.experts import Case, Council, LiveFacts, RobotFacts, SiteFacts
from physical_ai_planner.experts.advice import Advice, apply, is_tighter, tightened
from physical_ai_planner.experts.conditions import Condition
from physical_ai_planner.experts.council import combined, log_line
from physical_ai_planner.experts.expert import HEAD, default_folder, load_expert
from physical_ai_planner.experts.facts import NAMES, facts_of, said_mass_kg, said_precision_m, vector
from physical_ai_planner.experts.gather import is_dark, slope_deg
from physical_ai_planner.experts.net import load_net
from physical_ai_planner.experts.ngrams import BUCKETS, buckets
from physical_ai_planner.experts.rules import RuleBase

CASES = Path(__file__).parents[1] / "data" / "experts" / "cases.jsonl"
speeds = st.none() | st.floats(0.05, 20.0)
limits = st.builds(
    Limits,
    max_speed_mps=speeds,
    min_clearance_m=st.none() | st.floats(0.0, 10.0),
    keep_out=st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True).map(lambda z: tuple(sorted(z))),
)
advices = st.builds(
    Advice,
    expert=st.sampled_from(["machine", "control"]),
    rule=st.sampled_from(["X-a", "X-b", "X-c"]),
    kind=st.sampled_from(["tighten", "ask", "refuse"]),
    clause=st.just(""),
    words=st.just(Words(en="x", ja="x")),
    limits=limits,
    tasks=st.sampled_from([frozenset(), frozenset({Task.DOCK}), frozenset({Task.WAIT})]),
)
goals = st.lists(
    st.builds(lambda task, lim: goal_of(task).steps[0].model_copy(update={"limits": lim}),
              st.sampled_from(["navigate gate", "dock dock_a", "wait", "cover meadow tool"]), limits),
    min_size=1, max_size=4,
).map(lambda steps: GoalState(steps=tuple(steps)))  # fmt: skip


def case(text: str = "", order: str = "navigate gate", **over) -> Case:
    groups = [replace(group, **over.get(key, {})) for key, group in (("site", SITE), ("robot", ROBOT), ("live", LIVE))]
    return Case(text, goal_of(order), *groups, over.get("length_m", 20.0))


@pytest.fixture(scope="module")
def council() -> Council:
    return Council()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_folder(), tmp_path / "experts"))


# --- only tighter ---


@given(limits, limits, limits)
def test_tightened_limits_are_never_looser_and_do_not_depend_on_the_order(a: Limits, b: Limits, c: Limits) -> None:
    both = tightened(a, b)
    assert is_tighter(both, a) and is_tighter(both, b)
    assert both == tightened(b, a)
    assert tightened(both, c) == tightened(a, tightened(b, c))
    assert tightened(both, b) == both


@given(goals, st.lists(advices, max_size=6))
def test_whatever_experts_say_a_goal_keeps_its_steps_and_gets_no_looser(state: GoalState, said: list[Advice]) -> None:
    judged = combined(state, said)
    for before, after in zip(state.steps, judged.goal.steps, strict=True):
        assert is_tighter(after.limits, before.limits)
        assert after.model_copy(update={"limits": before.limits}) == before


@given(goals, st.lists(advices, max_size=6))
def test_a_refusal_goes_before_a_question_and_a_question_before_limits(state: GoalState, said: list[Advice]) -> None:
    judged, kinds = combined(state, said), {one.kind for one in said}
    assert (judged.refusal is not None) == ("refuse" in kinds)
    assert (judged.question is not None) == ("ask" in kinds and "refuse" not in kinds)
    assert judged.goal == (state if "refuse" in kinds else apply(state, list(reversed(said))))


@given(goals)
def test_advice_for_one_task_leaves_the_other_steps(state: GoalState) -> None:
    slow = Advice("x", "X-dock", "tighten", "", Words(en="", ja=""), limits=Limits(max_speed_mps=0.05))
    judged = combined(state, [replace(slow, tasks=frozenset({Task.DOCK}))])
    for before, after in zip(state.steps, judged.goal.steps, strict=True):
        assert after == before if before.task is not Task.DOCK else after.limits.max_speed_mps == 0.05


# --- unknown facts ---


def test_where_nothing_is_known_a_plain_order_is_left_as_it_is(council: Council) -> None:
    judged = council.judge(Case("", goal_of("navigate gate"), SiteFacts(), RobotFacts(), LiveFacts()))
    assert judged.kind == "abstain" and judged.goal.steps == goal_of("navigate gate").steps


def test_a_rule_says_itself_what_an_unknown_fact_means() -> None:
    def with_unknown(unknown: object) -> list[Advice]:
        rule = {
            "id": "T-hot", "clause": "c", "source": "s", "unknown": unknown,
            "when": {"fact": "live.temperature_c", "above": 50},
            "tighten": {"max_speed_mps": 0.2, "en": "slow", "ja": "遅く"},
        }  # fmt: skip
        base = {"expert": "test", "about": "", "rules": [rule]}
        return RuleBase.model_validate(base).judge({"live.temperature_c": None})

    assert with_unknown("abstain") == []
    (worst,) = with_unknown("worst")
    assert worst.kind == "tighten" and worst.unknown and worst.confidence < 1.0
    (asked,) = with_unknown({"en": "How hot is it?", "ja": "何度ですか。"})
    assert asked.kind == "ask" and asked.words.en == "How hot is it?"


def test_all_and_any_see_through_what_is_not_known() -> None:
    a, b = {"fact": "live.dark", "is": True}, {"fact": "live.sigma_m", "above": 1.0}
    facts = {"live.dark": None, "live.sigma_m": 2.0}
    find = {key: Condition.model_validate({key: [a, b]}).compiled({}) for key in ("all", "any")}
    assert find["all"](facts).holds is None and find["any"](facts).holds is True
    assert find["all"]({**facts, "live.sigma_m": 0.5}).holds is False
    assert find["any"]({**facts, "live.sigma_m": 0.5}).holds is None


def test_numbers_that_are_none_count_as_not_known(council: Council) -> None:
    odd = case(live={"slope_deg": float("nan"), "surprise": float("inf")}, robot={"max_slope_deg": float("-inf")})
    assert council.judge(odd).kind == "abstain"
    assert np.isfinite(vector(facts_of(odd))).all()


# --- rules on numbers, which need no network ---


@pytest.mark.parametrize(
    ("over", "kind", "rule"),
    [
        ({"live": {"slope_deg": 24.0}}, "refuse", "M-slope"),
        ({"live": {"slope_deg": 15.0}}, "tighten", "M-slope-near"),
        ({"live": {"battery_share": 0.1}}, "ask", "M-battery"),
        ({"live": {"unhealthy": 1.0}}, "refuse", "A-unhealthy"),
        ({"live": {"sigma_m": 0.5}, "order": "dock dock_a"}, "ask", "A-vague-exact"),
        ({"site": {"public_road": True}}, "tighten", "R-road-jp-speed"),
        ({"site": {"public_road": True}, "robot": {"width_m": 0.9}}, "refuse", "R-road-jp-size"),
        ({"site": {"public_road": True, "country": None}}, "ask", "R-road-elsewhere"),
        ({"text": "carry 40 kg to the gate"}, "refuse", "M-payload"),
        ({"text": "stop within 2 mm"}, "refuse", "C-too-precise"),
        ({"order": "patrol round x100"}, "ask", "S-laps"),
        ({"order": "navigate gate tool", "site": {"work_zone": False}}, "refuse", "S-tool"),
    ],
)
def test_a_vital_rule_speaks_whatever_the_router_thinks(over: dict, kind: str, rule: str, council: Council) -> None:
    asleep = Council()
    asleep.top_k = 0  # nobody is woken for the words
    order = {"text": over.pop("text", ""), "order": over.pop("order", "navigate gate")}
    for judge in (council, asleep):
        judged = judge.judge(case(**order, **over))
        assert judged.kind == kind and rule in judged.rules


def test_numbers_in_the_words_are_read_by_plain_code() -> None:
    assert said_mass_kg("40キロの袋を運んで") == 40.0 and said_mass_kg("tow half of 2 tons") == 2000.0
    assert said_mass_kg("あと2キロ進んで") is None  # kilometres: nothing is carried
    assert said_precision_m("stop within 5 cm") == 0.05 and said_precision_m("誤差2ミリ以内で") == 0.002
    assert said_precision_m("go 5 cm ahead") is None


def test_the_slope_and_the_dark_are_what_they_are() -> None:
    assert slope_deg([0.0, np.sin(0.1), 0.0, np.cos(0.1)]) == pytest.approx(np.degrees(0.2), abs=1e-6)
    tokyo = Datum(latitude_deg=35.7, longitude_deg=139.7)
    midday_s = 1_750_474_800.0  # 2025-06-21 03:00 UTC, noon in Tokyo
    assert is_dark(midday_s, tokyo) is False and is_dark(midday_s + 12 * 3600.0, tokyo) is True
    assert is_dark(midday_s, Datum(latitude_deg=35.7, longitude_deg=-40.3)) is True  # the other side of the earth
    assert is_dark(100.0, tokyo) is None and is_dark(midday_s, None) is None  # simulated time, nowhere


# --- words ---


def test_ngrams_are_of_the_text_and_not_of_its_width_or_case() -> None:
    assert np.array_equal(buckets("Ｇｏ  to ＧＡＴＥ"), buckets("go to gate"))
    assert len(buckets("")) == 0 and buckets("夜のうちに" * 500).max() < BUCKETS
    assert not np.array_equal(buckets("昼のうちに"), buckets("夜のうちに"))


def test_most_cases_written_by_hand_are_judged_as_a_person_expects(council: Council) -> None:
    cases = read_cases(CASES)
    right = sum(frozenset(council.judge(c.case).rules) == c.rules for c in cases)
    assert len(cases) >= 150 and right / len(cases) > 0.7
    rules = {rule.id for expert in council.experts.values() for rule in expert.rules.rules}
    assert {rule for c in cases for rule in c.rules} <= rules


def test_a_phrase_template_belongs_to_one_split_only() -> None:
    for name in ("regulation", "machine", "control", "anomaly"):
        phrases, _ = read_phrases(default_folder() / name, name)
        of = {}
        for phrase in phrases:
            key = (phrase.text, phrase.language, phrase.topics)
            assert of.setdefault(key, phrase.split) == phrase.split
        assert {phrase.split for phrase in phrases} == {"train", "calibrate", "test"}


# --- files ---


def test_a_missing_head_leaves_the_rules_and_is_told(copy: Path) -> None:
    (copy / "machine" / HEAD).unlink()
    council = Council(copy)
    assert any("'machine' goes by rules only" in fault for fault in council.faults)
    judged = council.judge(case("climb the ramp", live={"slope_deg": 24.0}))
    assert judged.kind == "refuse" and "M-slope" in judged.rules and "M-steep" not in judged.rules
    (entry,) = [entry for entry in judged.log if entry.expert == "machine"]
    assert "rules only" in entry.fault


@pytest.mark.parametrize("spoil", ["hash", "noise", "topics", "empty"])
def test_a_head_that_is_not_that_of_its_card_is_refused_by_name(copy: Path, spoil: str) -> None:
    path = copy / "control" / HEAD
    if spoil == "hash":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
    elif spoil == "topics":
        shutil.copy(copy / "anomaly" / HEAD, path)
        shutil.copy(copy / "anomaly" / "card.md", path.parent / "card.md")
    else:
        path.write_bytes(b"" if spoil == "empty" else b"no network at all")
    assert "control" in load_expert(copy / "control").fault
    if spoil != "topics":
        with pytest.raises(ModelError, match=r"control.head\.safetensors"):
            load_net(path, "")
    assert Council(copy).judge(case("", live={"solve_ms": 48.0})).rules == ("C-busy",)


def test_without_a_router_everybody_is_awake(copy: Path) -> None:
    shutil.rmtree(copy / "router")
    council = Council(copy)
    assert any("every expert is awake" in fault for fault in council.faults)
    assert all(entry.awake for entry in council.judge(case("go")).log)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("live.slope_deg, above", "live.slop_deg, above", "no fact"),
        ("id: M-load\n", "id: M-load\n    vital: true\n", "may read no words"),
        ("max_speed_mps: load_speed_mps", "max_speed_mps: lode_speed_mps", "constant"),
        ("id: M-steep\n", "id: M-slope\n", "repeat"),
        ("{load_speed_mps} m/s with a load", "{load_sped} m/s with a load", "neither a fact nor a constant"),
    ],
)
def test_a_rule_base_that_makes_no_sense_is_refused_with_the_rule(copy: Path, old: str, new: str, said: str) -> None:
    path = copy / "machine" / "rules.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"machine.rules\.yaml") as error:
        Council(copy)
    assert said in str(error.value)


def test_one_more_folder_is_one_more_expert(copy: Path) -> None:
    (copy / "weather").mkdir()
    rule = {
        "id": "W-hot", "clause": "c", "source": "s", "when": {"fact": "live.temperature_c", "above": 30},
        "tighten": {"max_speed_mps": 0.4, "en": "It is {live.temperature_c:.0f} degrees.", "ja": "暑いです。"},
    }  # fmt: skip
    base = {"expert": "weather", "about": "Heat.", "rules": [rule]}
    (copy / "weather" / "rules.yaml").write_text(yaml.safe_dump(base), encoding="utf-8")
    judged = Council(copy).judge(case("go", live={"temperature_c": 35.0}))
    assert judged.rules == ("W-hot",) and judged.goal.steps[0].limits.max_speed_mps == 0.4
    assert judged.because[0].en == "It is 35 degrees. [W-hot]"
    assert {entry.expert: entry.woken_by for entry in judged.log}["weather"] == "unknown to the router"


def test_one_expert_is_trained_anew_and_every_other_file_stays_as_it_is(copy: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from physical_ai_learning.experts.train import Settings, run

    before = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    settings = Settings(sentences=200, held=60, rounds=1, seed=3)
    run(copy, settings, "control", tmp_path / "out", lambda *_: None)
    after = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    changed = {str(path) for path in before if before[path] != after[path]}
    assert changed == {f"control/{HEAD}", "control/card.md"} and before.keys() == after.keys()
    assert not Council(copy).faults
    first = after[Path("control") / HEAD]
    run(copy, settings, "control", tmp_path / "out", lambda *_: None)
    assert (copy / "control" / HEAD).read_bytes() == first  # the same seed gives the same bytes


# --- routing and the log ---


def test_the_same_order_wakes_the_same_experts_and_at_most_so_many(council: Council) -> None:
    for expected in read_cases(CASES)[::7]:
        one, other = council.judge(expected.case), council.judge(expected.case)
        assert (one.goal, one.kind, one.rules) == (other.goal, other.kind, other.rules)
        assert [(e.expert, e.gate, e.woken_by) for e in one.log] == [(e.expert, e.gate, e.woken_by) for e in other.log]
        assert sum(entry.woken_by == "router" for entry in one.log) <= council.top_k


def test_every_judgement_can_be_logged_as_json(council: Council) -> None:
    judged = council.judge(case("carry the crate over the ramp after dark", live={"slope_deg": 15.0}))
    line = json.loads(json.dumps(log_line(judged)))
    experts = {entry["expert"]: entry for entry in line["experts"]}
    assert {"router", "shared", "regulation", "machine", "control", "anomaly"} == experts.keys()
    assert all(len(e["rules_sha256"]) == 64 for name, e in experts.items() if name != "router")
    asleep = [e for e in experts.values() if not e["awake"]]
    assert all(e["flops"] == 0 and not e["advice"] for e in asleep)
    (advice,) = [a for a in experts["machine"]["advice"] if a["rule"] == "M-slope-near"]
    assert advice["numbers"] == {"goal.moves": 1.0, "live.slope_deg": 15.0, "robot.max_slope_deg": 20.0}
    assert advice["limits"] == {"max_speed_mps": 0.5} and experts["machine"]["kv_cache_bytes"] == 0


def test_vectors_have_one_place_for_each_name() -> None:
    assert vector(facts_of(case("go"))).shape == (len(NAMES),)


# --- the seat in the planner ---


class Councilled(Drive):
    """A driven core with experts."""

    def __init__(self, commands: dict[str, GoalState], **more) -> None:
        super().__init__(commands, **more)
        self.core = PlannerCore(self.core.p, self.interpreter, council=Council())
        self.sense()


def test_a_tightened_goal_drives_slower_and_the_reply_names_the_rule() -> None:
    drive = Councilled({"go to the gate after dark": goal(go("gate"))}).say("go to the gate after dark")
    (said,) = [reply for reply in drive.replies if reply.kind == "understood"]
    assert "[R-night]" in said.en and "[R-night]" in said.ja
    assert drive.goals[0].steps[0].limits.max_speed_mps == 0.8
    drive.run(10.0)
    assert 0.0 < max(drive.limits) <= 0.8


def test_a_question_of_an_expert_is_answered_with_yes_and_not_asked_again() -> None:
    text = "変な音がするけど門まで行って"
    drive = Councilled({text: goal(go("gate"))}).say(text)
    assert drive.last.kind == "question" and "[A-noise]" in drive.last.ja and not drive.goals
    drive.say("はい")
    assert drive.goals[-1].steps[0].limits.max_speed_mps == 0.3
    assert "question" not in drive.kinds[1:]


def test_a_refusal_of_an_expert_leaves_the_present_goal(tmp_path: Path) -> None:
    text = "carry 40 kg to the shelves"
    log = tmp_path / "log" / "experts.jsonl"
    drive = Councilled({"gate": goal(go("gate")), text: goal(go("shelves"))}, experts_log=str(log)).say("gate").run(1.0)
    present = drive.goals[-1]
    drive.say(text)
    assert drive.last.kind == "refusal" and drive.last.reason == "not_able" and "[M-payload]" in drive.last.en
    assert drive.goals[-1] is present and len(drive.path)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["kind"] for line in lines] == ["abstain", "refuse"]


def test_stop_is_not_judged_and_a_stale_fact_is_not_known() -> None:
    drive = Councilled({"gate": goal(go("gate"))}).say("gate")
    drive.hear("safety/verdict", Verdict(drive.now_s, "limited", "autonomy", [0.0, 0.0], [0.0, 0.0]))
    assert drive.core.seat.live(drive.now_s).gate == "limited"
    assert drive.core.seat.live(drive.now_s + 5.0).gate is None
    judged = drive.core.seat.last
    drive.say("stop")
    assert drive.core.seat.last is judged and drive.goals[-1].steps == (Step(task=Task.STOP),)
