"""What goes wrong is kept with what came before and after, in a bag of its own that tells why."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_run import START_S, STOP_AT_S, events, recorded, serialized, wait_until, write_bag
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader

from physical_ai_core import messages as m
from physical_ai_core.errors import BagError
from physical_ai_core.goal import GoalState, PlaceTarget, Step, Task
from physical_ai_core.graph import Qos
from physical_ai_core.reports import Intervention, PlannerReply, Verdict
from physical_ai_telemetry.cut import cut
from physical_ai_telemetry.incidents import Cause, IncidentDetector, grouped, incidents_of_bag, incidents_of_events
from physical_ai_telemetry.mend import mend, story_of, unfinished
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.provenance import provenance
from physical_ai_telemetry.recorder import Recorder
from physical_ai_telemetry.ring import Ring
from physical_ai_telemetry.split import RecordedTopic

HERE = Path(__file__).parent
STOP_S = START_S + STOP_AT_S


def verdict(
    t: float, state: str, *rules: str, out: float = 1.0, source: str = "autonomy"
) -> tuple[str, Verdict, float]:
    notes = [Intervention(rule, rule) for rule in rules]
    return "safety/verdict", Verdict(t, state, source, [1.0, 0.0], [out, 0.0], notes, "En.", "日本語。"), t


def surprise(t: float, value: float) -> tuple[str, m.Scalar, float]:
    return "world_model/surprise", m.Scalar(value), t


def beat(t: float, name: str, level: int = 0, **values: str) -> tuple[str, m.Diagnostics, float]:
    return "heartbeat", m.Diagnostics(t, (m.Status(level, name, "broken", {"active": "true", **values}),)), t


def causes(run: list) -> list[tuple[str, str]]:
    detector = IncidentDetector()
    return [(cause.kind, cause.rule) for event in run for cause in detector.hear(*event)]


def test_a_stop_of_the_gate_is_an_incident_and_its_shaping_is_none() -> None:
    shaping = [verdict(1.0, "limited", "acceleration", out=0.2), verdict(1.5, "limited", "obstacle", out=0.8)]
    assert causes(shaping) == []
    assert causes([*shaping, verdict(3.0, "protective_stop", "obstacle", out=0.0)]) == [("gate", "obstacle")]


def test_a_hard_limit_that_takes_more_than_half_is_an_incident_once() -> None:
    run = [verdict(1.0 + 0.05 * k, "limited", "zone", out=0.3) for k in range(40)]
    assert causes(run) == [("gate", "zone")]


def test_standing_before_the_start_is_none() -> None:
    assert causes([verdict(1.0, "waiting", "start", out=0.0), verdict(2.0, "protective_stop", "pose_lost")]) == []


def test_a_stop_that_flickers_is_one_cause() -> None:
    run = [verdict(1.0, "clear"), verdict(2.0, "protective_stop", "obstacle"), verdict(2.3, "clear"),
           verdict(2.6, "protective_stop", "obstacle")]  # fmt: skip
    assert causes(run) == [("gate", "obstacle")]


def test_a_node_in_error_is_one_and_the_gates_own_error_while_it_holds_the_robot_is_none() -> None:
    run = [verdict(1.0, "clear"), beat(2.0, "planner", 2), beat(2.2, "planner", 2)]
    assert causes(run) == [("fault", "planner")]
    assert causes([verdict(1.0, "clear"), beat(2.0, "safety_gate", 2, state="emergency_stop")]) == []


def test_surprise_counts_when_it_lasts_and_again_only_after_calm() -> None:
    spike = [surprise(1.0, 3.0), surprise(1.05, 0.2)]
    lasting = [surprise(2.0 + 0.05 * k, 1.5) for k in range(60)]
    assert causes(spike) == []
    assert causes([*spike, *lasting]) == [("surprise", "surprise")]
    calm = [surprise(5.0 + 0.05 * k, 0.1) for k in range(30)]
    again = [surprise(7.0 + 0.05 * k, 1.5) for k in range(60)]
    assert len(causes([*lasting, *calm, *again])) == 2


def test_a_refusal_said_twice_is_one() -> None:
    from physical_ai_core.goal import Refusal, RefusalReason, Words

    refusal = Refusal(reason=RefusalReason.FORBIDDEN, text=Words(en="No.", ja="できません。"))
    run = [
        ("planner/reply", PlannerReply(1.0, "refusal", "No.", "できません。", "i1", reason="forbidden"), 1.0),
        ("goal_state", GoalState(instruction_id="i1", refusal=refusal), 1.1),
    ]
    assert causes(run) == [("refusal", "forbidden")]


def test_a_take_over_names_the_mission_it_broke_into() -> None:
    goal = GoalState(goal_id="g", steps=(Step(task=Task.NAVIGATE, target=PlaceTarget(name="x")),))
    detector = IncidentDetector()
    detector.hear("goal_state", goal, 1.0)
    (cause,) = detector.hear("emergency_stop", m.Flag(True), 2.0)
    assert (cause.kind, cause.rule, cause.mission) == ("takeover", "emergency_stop", "g")


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=60))
def test_every_cause_lies_in_exactly_one_incident_of_bounded_length(stamps: list[float]) -> None:
    stamps = sorted(stamps)
    found = grouped((Cause(stamp, "gate", "r") for stamp in stamps), 30.0, 10.0, 120.0)
    assert sum(len(one.causes) + one.more_causes for one in found) == len(stamps)
    for one in found:
        assert one.end_s - one.begin_s <= 120.0 + 1e-9
        assert all(one.begin_s <= cause.stamp_s <= one.end_s for cause in one.causes)
    assert all(later.causes[0].stamp_s > earlier.end_s for earlier, later in pairwise(found))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 400), st.booleans()), max_size=80), st.integers(1, 20))
def test_the_ring_keeps_the_newest_within_its_bounds_and_every_latched_topic(
    steps: list[tuple[int, int, bool]], seconds: int
) -> None:
    ring = Ring(seconds, 5000)
    latched, other = RecordedTopic("/goal", "t", Qos.LATCHED), RecordedTopic("/scan", "t", Qos.SENSOR)
    now, last = 0, None
    for step, size, is_latched in steps:
        now += step * 100_000_000
        letter = (latched if is_latched else other, now, bytes(size))
        last = letter if is_latched else last
        ring.add([letter])
        assert ring.bytes <= 5000
    found = ring.since(0)
    assert ring.bytes == sum(len(x[2]) for x in found if x[1] >= now - seconds * 1e9) or ring.bytes <= 5000
    assert [x for x in found if x[0] is other] == sorted((x for x in found if x[0] is other), key=lambda x: x[1])
    assert all(x[1] >= now - seconds * 10**9 for x in found if x[0] is other)
    assert last is None or last in found


def test_a_clock_that_begins_anew_empties_the_ring_but_not_what_is_latched() -> None:
    ring = Ring(30.0, 10_000)
    latched, other = RecordedTopic("/goal", "t", Qos.LATCHED), RecordedTopic("/scan", "t", Qos.SENSOR)
    ring.add([(latched, 100 * 10**9, b"goal"), (other, 101 * 10**9, b"old")])
    ring.add([(other, 1 * 10**9, b"new")])
    assert [letter[2] for letter in ring.since(0)] == [b"goal", b"new"]


def play(root: Path, run: list, **parameters: object) -> Recorder:
    """A recorder that hears a run as the node lets it, causes included."""
    settings_ = TelemetryParameters(output_folder=str(root), bag="run", **parameters)  # type: ignore[arg-type]
    recorder = Recorder(settings_, None, provenance(settings_))
    detector = IncidentDetector()
    recorder.start()
    for topic, data, stamp_s in run:
        recorder.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
        for cause in detector.hear(topic, data, stamp_s):
            recorder.note(cause)
            assert wait_until(lambda: not recorder._causes)
    recorder.stop()
    return recorder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bags")
    play(folder, list(events(26.0)), incident_before_s=5.0, incident_after_s=3.0)
    return folder


def test_an_incident_is_a_bag_of_its_own_with_the_seconds_before_and_after(root: Path) -> None:
    (folder,) = (root / "incidents").iterdir()
    assert folder.name.endswith("_gate_obstacle")
    with AnyReader([folder]) as reader:
        stamps = [stamp * 1e-9 for connection, stamp, _ in reader.messages() if connection.topic == "/state/odometry"]
        goals = [(stamp, raw) for connection, stamp, raw in reader.messages() if connection.topic == "/goal_state"]
    assert stamps[0] == pytest.approx(STOP_S - 5.0, abs=0.05)
    assert stamps[-1] == pytest.approx(STOP_S + 3.0, abs=0.05)
    assert len(goals) == 1, "the goal was said before the window, and is latched"
    assert goals[0][0] == pytest.approx((STOP_S - 5.0) * 1e9, abs=5e7)


def test_the_story_beside_it_says_why_and_what_ran(root: Path) -> None:
    (folder,) = (root / "incidents").iterdir()
    story = story_of(folder)
    (cause,) = story["causes"]
    assert (cause["kind"], cause["rule"], cause["mission"]) == ("gate", "obstacle", "goal-1")
    assert cause["stamp_s"] == pytest.approx(STOP_S, abs=0.1) and cause["ja"]
    assert story["state"] == "finished" and story["bag"] == "run"
    assert story["site"] == "yard" and len(story["site_sha256"]) == 64 and len(story["robot_sha256"]) == 64
    assert set(story["models"]) == {"people", "own_motion", "language"}
    assert all(len(card["card_sha256"]) == 64 for card in story["models"].values())
    assert story["parameters"]["telemetry"]["incident_before_s"] == 5.0
    with splits(folder)[0].open("rb") as stream:
        records = [record for record in make_reader(stream).iter_metadata() if record.name == "incident"]
    assert json.loads(records[-1].metadata["story"])["causes"] == story["causes"]


def test_causes_that_follow_each_other_are_one_file_of_bounded_length(tmp_path: Path) -> None:
    run = [verdict(0.5, "clear")]
    for k in range(200):
        t = 1.0 + 0.1 * k
        run.append(verdict(t, "protective_stop" if k % 25 == 0 else "clear", *(["obstacle"] if k % 25 == 0 else [])))
    play(tmp_path, run, incident_before_s=1.0, incident_after_s=3.0, incident_longest_s=9.0)
    folders = sorted((tmp_path / "incidents").iterdir())
    stories = [story_of(folder) for folder in folders]
    assert len(folders) == 2 and sum(len(story["causes"]) for story in stories) == 8
    assert all(story["end_s"] - story["begin_s"] <= 9.0 for story in stories)


def test_incidents_are_kept_when_nothing_is_recorded(tmp_path: Path) -> None:
    recorder = play(tmp_path, list(events(20.0)), record=False)
    assert [path.name for path in tmp_path.iterdir()] == ["incidents"]
    assert recorder.status().incidents == 1 and recorder.status().folder == ""


def test_what_is_bounded_for_bags_leaves_incidents_alone_and_these_have_a_bound_of_their_own(tmp_path: Path) -> None:
    from physical_ai_telemetry.quota import prune

    play(tmp_path, list(events(16.0)))
    prune(tmp_path, 0)
    assert not (tmp_path / "run").exists() and len(list((tmp_path / "incidents").iterdir())) == 1
    prune(tmp_path / "incidents", 0)
    assert list((tmp_path / "incidents").iterdir()) == []


def test_incidents_of_a_bag_are_those_that_were_kept_while_it_was_recorded(root: Path) -> None:
    (found,) = incidents_of_bag(root / "run")
    assert found == incidents_of_events(events(26.0))[0]
    assert [cause.rule for cause in found.causes] == ["obstacle"]


def test_a_piece_is_cut_with_what_was_latched_before_it(root: Path, tmp_path: Path) -> None:
    count = cut(root / "run", STOP_S, STOP_S + 1.0, tmp_path / "piece")
    with AnyReader([tmp_path / "piece"]) as reader:
        topics = {connection.topic for connection, _, _ in reader.messages()}
        stamps = [stamp * 1e-9 for _, stamp, _ in reader.messages()]
    assert len(stamps) == count and "/goal_state" in topics and "/plan" in topics
    assert min(stamps) >= STOP_S - 1e-6 and max(stamps) <= STOP_S + 1.0 + 1e-6
    assert cut(root / "run", 1e6, 2e6, tmp_path / "none") <= len(topics)
    with pytest.raises(BagError, match="no MCAP"):
        cut(tmp_path / "absent", 0.0, 1.0, tmp_path / "x")


KILLED = """
import os, signal, sys, time
sys.path.insert(0, {here!r})
from made_run import events, recorded, serialized
from physical_ai_telemetry.incidents import IncidentDetector
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import Recorder
recorder = Recorder(TelemetryParameters(output_folder={root!r}, bag="run", flush_s=0.2, record={record}))
detector = IncidentDetector()
recorder.start()
for topic, data, stamp_s in events(26.0):
    recorder.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
    for cause in detector.hear(topic, data, stamp_s):
        recorder.note(cause)
        while recorder._causes: time.sleep(0.02)
    if stamp_s > {until}:
        time.sleep(0.8)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("record", [True, False])
def test_a_recorder_killed_within_an_incident_leaves_one_that_can_be_finished(tmp_path: Path, record: bool) -> None:
    code = KILLED.format(here=str(HERE), root=str(tmp_path), record=record, until=STOP_S + 4.0)
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (folder,) = unfinished(tmp_path)
    assert story_of(folder)["causes"][0]["rule"] == "obstacle"
    assert mend(tmp_path) == [folder] and unfinished(tmp_path) == []
    assert story_of(folder)["state"] == "cut_short"
    with AnyReader([folder]) as reader:
        stamps = [stamp * 1e-9 for _, stamp, _ in reader.messages()]
    assert min(stamps) < STOP_S - 10.0 and max(stamps) == pytest.approx(STOP_S + 4.0, abs=0.2)


def test_where_the_ring_died_unwritten_the_incident_is_cut_again_from_the_bag(tmp_path: Path) -> None:
    write_bag(tmp_path, list(events(26.0)), incidents=False)
    folder = tmp_path / "incidents" / "lost"
    folder.mkdir(parents=True)
    story = {"state": "recording", "bag": "run", "begin_s": STOP_S - 5.0, "end_s": STOP_S + 3.0}
    (folder / "incident.json").write_text(json.dumps(story))
    mend(tmp_path)
    assert story_of(folder)["state"] == "recut"
    assert story_of(folder)["data_to_s"] == pytest.approx(STOP_S + 3.0, abs=0.05)
    with AnyReader([folder]) as reader:
        assert reader.message_count > 300


def test_the_successor_of_a_killed_recorder_mends_by_itself(tmp_path: Path) -> None:
    write_bag(tmp_path, list(events(5.0)), incidents=False)
    folder = tmp_path / "incidents" / "lost"
    folder.mkdir(parents=True)
    story = {"state": "recording", "bag": "run", "begin_s": START_S, "end_s": START_S + 3.0}
    (folder / "incident.json").write_text(json.dumps(story))
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run"))
    recorder.start()
    assert wait_until(lambda: story_of(folder).get("state") == "recut", 30.0)
    recorder.stop()


def test_an_incident_that_cannot_be_written_is_told_and_the_bag_goes_on(tmp_path: Path) -> None:
    (tmp_path / "incidents").write_text("in the way")
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run"))
    recorder.start()
    recorder.note(Cause(1.0, "gate", "obstacle"))
    assert wait_until(lambda: bool(recorder.status().error))
    assert "incidents" in recorder.status().error and recorder.status().state == "recording"
    recorder.write(recorded("tool"), 10**9, serialized("tool", m.Flag(True)))
    recorder.stop()
    with AnyReader([tmp_path / "run"]) as reader:
        assert reader.message_count == 1


def test_the_command_lists_what_was_kept_and_what_a_bag_holds_and_cuts_it(root: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from physical_ai_cli.main import app

    kept = CliRunner().invoke(app, ["incidents", str(root), "--json"])
    assert [one["causes"][0]["rule"] for one in json.loads(kept.output)["incidents_kept"]] == ["obstacle"]
    found = CliRunner().invoke(app, ["incidents", str(root / "run"), "--cut", str(tmp_path / "cut")])
    assert found.exit_code == 0 and "obstacle" in found.output
    with AnyReader([tmp_path / "cut" / "incident_0_gate"]) as reader:
        assert reader.message_count > 100
    wrong = CliRunner().invoke(app, ["incidents", str(root / "run"), "--from", "1"])
    assert wrong.exit_code != 0
