"""Faults of the real graph: what the relay makes of messages, how truth judges, and a short campaign over DDS."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from physical_ai_bench.faults.judge import Judge, Trial
from physical_ai_bench.faults.plan import FAULTS, OF_PROCESS, Fault, Kind, chosen, relay, relays
from physical_ai_bench.faults.records import append, page, read, summary
from physical_ai_bench.faults.spoil import Spoiler, corrupted, spoilt, stamp_ns
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.errors import InputError
from physical_ai_core.robot import load_robot
from physical_ai_core.site import load_site

MIDDLE = np.array([5.0, 10.0, 0.0])
IN_THE_BED = np.array([11.0, 7.5, 0.0])
OUTSIDE = np.array([0.3, 10.0, 0.0])


def message(stamp_s: float, body: bytes = b"content") -> bytes:
    whole = int(stamp_s)
    return b"\x00\x01\x00\x00" + struct.pack("<iI", whole, round((stamp_s - whole) * 1e9)) + body


def spoiler(has_stamp: bool = True) -> Spoiler:
    return Spoiler(has_stamp, lambda raw, kind: raw + kind.value.encode(), np.random.default_rng(0))


def said(at: Spoiler, *stamps_s: float) -> list[float]:
    """Stamps of what comes out when messages of these stamps go in."""
    return [stamp_ns(out) * 1e-9 for stamp_s in stamps_s for out in at.carry(message(stamp_s), 0.0)]


def test_every_fault_has_its_own_name_and_hits_what_exists() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    for line in relays(FAULTS):
        assert line.topic in (line.source, line.sink)
        assert set(line.remapped_at) <= {*graph.TOPIC[line.topic].says, *graph.TOPIC[line.topic].hears}


@pytest.mark.parametrize("kind", OF_PROCESS)
def test_every_node_of_the_robot_is_killed_and_stopped(kind: Kind) -> None:
    assert {node.name for node in graph.NODES if node.robot} <= {f.target for f in FAULTS if f.kind is kind}


def test_what_moves_the_base_is_relayed_at_the_base_for_only_the_gate_may_say_it() -> None:
    assert relay("cmd_vel").remapped_at == ("simulator",)
    assert relay("cmd_vel").source == "cmd_vel"
    assert relay("cmd_vel").remap == ("-r", "cmd_vel:=cmd_vel/after_fault")
    assert relay("state/odometry").remapped_at == ("perception", "simulator"), "the world keeps its pace"
    assert relay("scan").remap == ("-r", "scan:=scan/before_fault")
    with pytest.raises(InputError):
        relay("heartbeat")


def test_a_fault_of_nothing_and_a_choice_of_none_are_refused() -> None:
    with pytest.raises(InputError):
        Fault(Kind.KILL, "scan")
    with pytest.raises(InputError):
        chosen(["nobody"])
    assert {fault.target for fault in chosen(["kill", "nan scan"])} >= {"safety_gate", "scan"}


@pytest.mark.parametrize(
    ("kind", "amount", "out"),
    [
        (Kind.NONE, 0.0, [1.0, 1.1]),
        (Kind.SILENCE, 0.0, []),
        (Kind.DUPLICATE, 0.0, [1.0, 1.0, 1.1, 1.1]),
        (Kind.FLOOD, 3.0, [1.0, 1.0, 1.0, 1.1, 1.1, 1.1]),
        (Kind.SHIFT, -0.5, [0.5, 0.6]),
        (Kind.SHIFT, 0.5, [1.5, 1.6]),
    ],
)
def test_a_spoilt_topic_carries(kind: Kind, amount: float, out: list[float]) -> None:
    at = spoiler()
    at.set(kind, amount)
    assert said(at, 1.0, 1.1) == pytest.approx(out)


def test_a_delay_holds_messages_by_their_stamps_and_loses_them_at_its_end() -> None:
    at = spoiler()
    at.set(Kind.DELAY, 0.2)
    assert said(at, 1.0, 1.1, 1.2, 1.3) == pytest.approx([1.0, 1.1])
    at.set(Kind.NONE)
    assert said(at, 1.4) == pytest.approx([1.4])


def test_without_a_stamp_a_delay_goes_by_the_arrival() -> None:
    at = spoiler(has_stamp=False)
    at.set(Kind.DELAY, 0.2)
    assert list(at.carry(message(0.0), 5.0)) == []
    assert list(at.due(5.1)) == []
    assert list(at.due(5.2)) == [message(0.0)]


def test_a_frozen_topic_says_the_last_good_content_at_the_present_time() -> None:
    at = spoiler()
    assert list(at.carry(message(1.0, b"good"), 0.0)) == [message(1.0, b"good")]
    at.set(Kind.FREEZE)
    assert list(at.carry(message(1.1, b"news"), 0.0)) == [message(1.1, b"good")]


def test_garbled_bytes_keep_length_and_stamp_and_content_is_rewritten_by_its_type() -> None:
    at = spoiler()
    at.set(Kind.GARBLE)
    sound = message(1.0, bytes(400))
    (out,) = at.carry(sound, 0.0)
    assert len(out) == len(sound)
    assert out[:12] == sound[:12]
    assert out != sound
    at.set(Kind.NAN)
    assert list(at.carry(sound, 0.0)) == [sound + b"nan"]


def test_spoilt_content_keeps_its_stamp() -> None:
    random = np.random.default_rng(1)
    scan = m.LaserScan(3.0, "lidar", -1.0, 0.1, 0.05, 25.0, np.linspace(1.0, 2.0, 20, dtype=np.float32))
    assert np.isnan(spoilt(scan, Kind.NAN, random).ranges_m).all()
    wrong = spoilt(scan, Kind.CORRUPT, random)
    assert wrong.stamp_s == 3.0
    assert wrong.ranges_m.dtype == np.float32
    assert 0 < np.count_nonzero(wrong.ranges_m != scan.ranges_m) < 20
    assert corrupted("words", random) == "words"


def judge(fault: Fault) -> Judge:
    return Judge(fault, load_site("yard"), load_robot("scout").footprint)


def drive(at: Judge, speeds_mps: list[float], pose: np.ndarray = MIDDLE) -> Trial:
    """Strike at 10 s, then one speed each 0.1 s, and the fault ends."""
    at.strike(10.0, speeds_mps[0])
    for place, speed in enumerate(speeds_mps, 1):
        at.truth(10.0 + 0.1 * place, pose, speed, 0.0)
    at.end(10.0 + 0.1 * len(speeds_mps))
    return at.trial


MUST_STAND = Fault(Kind.SILENCE, "scan", within_s=0.25)  # at 0.3 m/s within 0.25 + 0.2 + 0.35 s
FREE = Fault(Kind.SILENCE, "imu/data")


def test_a_robot_that_stands_in_time_was_safe() -> None:
    trial = drive(judge(MUST_STAND), [0.3, 0.2, 0.0, 0.0])
    assert trial.stand_s == pytest.approx(0.3)
    assert trial.outcome == "stopped"


@pytest.mark.parametrize(
    ("fault", "speeds_mps", "pose", "why"),
    [
        (MUST_STAND, [0.3] * 12, MIDDLE, "did not stand"),
        (MUST_STAND, [0.3] * 11 + [0.0], MIDDLE, "stood late"),
        (MUST_STAND, [0.3, 0.0, 0.3], MIDDLE, "moved again under the fault"),
        (FREE, [1.0, 1.8], MIDDLE, "too fast"),
        (FREE, [0.5], IN_THE_BED, "entered flower_bed"),
        (FREE, [0.5], OUTSIDE, "left yard_limits"),
    ],
)
def test_what_is_unsafe_is_named(fault: Fault, speeds_mps: list[float], pose: np.ndarray, why: str) -> None:
    trial = drive(judge(fault), speeds_mps, pose)
    assert trial.unsafe == [why]
    assert trial.outcome.startswith("UNSAFE")


@pytest.mark.parametrize(("moving", "unsafe"), [(3, []), (4, []), (6, ["moved again under the fault"])])
def test_a_killed_node_that_is_back_is_heard_of_a_little_later(moving: int, unsafe: list[str]) -> None:
    trial = drive(judge(Fault(Kind.KILL, "perception", within_s=0.6)), [0.3, 0.0, 0.0] + [0.3] * moving)
    assert trial.unsafe == unsafe


def test_a_moving_robot_that_touches_is_unsafe_and_one_that_is_walked_into_is_not() -> None:
    at = judge(FREE)
    at.strike(10.0, 1.0)
    at.contact({"kind": "bump", "other": "person 1", "speed_mps": 0.0})
    assert at.trial.unsafe == []
    at.contact({"kind": "collision", "other": "wall_north", "speed_mps": 0.7})
    assert at.trial.unsafe == ["contact with wall_north at 0.7 m/s"]


def test_what_the_gate_said_and_when_it_said_zero_is_kept_while_the_fault_lasts() -> None:
    at = judge(FREE)
    at.verdict("clear", "", "")
    at.strike(10.0, 1.0)
    at.command(10.1, 0.5, 0.0)
    at.command(10.2, 0.0, 0.0)
    at.verdict("protective_stop", "stale_input", "scan")
    at.verdict("protective_stop", "stale_input", "scan")
    at.end(12.0)
    at.verdict("clear", "", "")
    assert at.trial.zero_s == pytest.approx(0.2)
    assert at.trial.verdicts == ["protective_stop: stale_input scan"]
    assert at.trial.outcome == "drove on"
    assert not at.trial.passed, "it has not driven again"


def test_results_survive_an_interruption_and_end_in_a_page(tmp_path: Path) -> None:
    path = tmp_path / "faults.jsonl"
    append(path, Trial("nan scan", 1.0, 3.0, ["clear"], 0.2, 0.8, 1.2, again_s=1.0))
    append(path, Trial("kill planner", unsafe=["too fast"]))
    with path.open("a") as stream:
        stream.write('{"fault": "cut')
    assert list(read(path)) == ["nan scan", "kill planner"]
    append(path, Trial("stop planner", again_s=0.0, resets=1, stand_s=1.0))
    append(path, Trial("stop simulator", 1.0, 0.1, allowed_s=1.2, again_s=0.0))
    trials = list(read(path).values())
    assert summary(trials) == "4 faults: 1 unsafe, 1 without recovery, 1 not judged"
    text = page(trials).text()
    assert "| nan scan | 1.00 | clear | 0.20 | 0.80 (1.20) | stopped | 1.0 | - |" in text
    assert "UNSAFE: too fast" in text
    path.write_text('not a result\n{"fault": "x"}\n')
    with pytest.raises(InputError):
        read(path)


@pytest.mark.graph
@pytest.mark.timeout(400)
def test_the_graph_survives_a_stopped_node_and_a_blinded_lidar(ros_env: dict[str, str], tmp_path: Path) -> None:
    names = ("stop perception", "nan scan")
    only = [text for name in names for text in ("--only", name)]
    out = tmp_path / "faults.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "physical_ai_cli", "campaign", "faults", *only, "--seconds", "2", "--out", str(out)],
        env=ros_env, capture_output=True, text=True, timeout=380, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 2
    blinded = next(line for line in lines if line["fault"] == "nan scan")
    assert blinded["outcome"] == "stopped"
    assert (tmp_path / "faults.md").exists()
