"""The reference bags through the real cores: the same to the bit in every process, real changes are named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from replayed import EMPTY, REFERENCES, YARD, Message, first_seconds, messages, rewritten
from typer.testing import CliRunner

from physical_ai_bench.regression import readings
from physical_ai_bench.regression.cast import NODES, config_of, part_of
from physical_ai_bench.regression.check import Checked, check
from physical_ai_bench.regression.difference import lines
from physical_ai_bench.regression.feed import facts_of, open_feed, persons_words
from physical_ai_bench.regression.playing import Replayed, play
from physical_ai_bench.regression.reference import ReferenceError, load
from physical_ai_bench.regression.tolerances import load_tolerances
from physical_ai_bench.replay import ReplayConfig
from physical_ai_cli.main import app
from physical_ai_core.errors import BagError, InputError, ParameterError
from physical_ai_planner.interpreter import Reading
from physical_ai_telemetry.bag import open_bag

PROGRAM = """
import sys
from functools import cache
from pathlib import Path
from physical_ai_bench.regression.cast import config_of, part_of
from physical_ai_bench.regression.feed import facts_of
from physical_ai_bench.regression.playing import play
from physical_ai_bench.regression.tolerances import load_tolerances
facts = facts_of(Path(sys.argv[1]))
config = config_of(facts.path, None, facts.robot, facts.site)
for part in sys.argv[2:]:
    print(part, play(facts, part_of(part), config, load_tolerances()).sha256)
"""
DRIVEN = [("graph", YARD), ("graph", EMPTY), *((node, YARD) for node in NODES)]


def played(bag: Path, part: str, parameters: dict[str, dict[str, Any]] | None = None, **options: Any) -> Replayed:
    facts = facts_of(bag)
    config = config_of(bag, None, facts.robot, facts.site)
    if parameters:
        config = config.model_copy(update={"parameters": parameters})
    return play(facts, part_of(part), config, load_tolerances(), **options)


def hashes(count: int, bag: Path, *parts: str) -> set[str]:
    """What `count` processes print, each with another seed of Python's hashes."""
    found = set()
    for seed in range(count):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed + 1), "OMP_NUM_THREADS": str(1 + seed % 2)}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(bag), *parts], env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stderr
        found.add(run.stdout)
    return found


@cache
def against_reference(part: str, bag: Path) -> Checked:
    return check(bag, REFERENCES, part)


@pytest.mark.parametrize("part, bag", DRIVEN, ids=lambda value: value if isinstance(value, str) else value.name)
def test_the_reference_bags_replay_as_their_references(part: str, bag: Path) -> None:
    checked = against_reference(part, bag)
    assert checked.same, "\n".join(lines(checked))


def test_three_processes_say_the_same_bits_and_one_that_computes_alone() -> None:
    alone = played(EMPTY, "graph", processes=1)
    assert hashes(3, EMPTY, "graph") == {f"graph {alone.sha256}\n"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_processes_say_the_same_bits() -> None:
    assert len(hashes(20, YARD, "graph", *NODES)) == 1


@pytest.mark.parametrize("node, parameter", [("perception", "resume_file"), ("world_model", "people_model")])
def test_an_exception_in_a_process_of_its_own_is_the_replays(node: str, parameter: str) -> None:
    facts = facts_of(EMPTY)
    config = ReplayConfig(robot="scout", site="yard", parameters={node: {parameter: 3}})
    with pytest.raises(ParameterError, match=parameter):
        play(facts, part_of("graph"), config, load_tolerances(), processes=2)


def test_the_whole_graph_replayed_says_what_the_robot_said() -> None:
    """Open loop: only sensors and persons are fed, and the commands still are those of the recorded drive."""
    replayed = against_reference("graph", YARD).replayed.spoken["cmd_vel"].numbers
    with open_bag(YARD) as bag:
        said = np.array([(e.data.stamp_s, e.data.linear_x_mps) for e in bag.events(["cmd_vel"])])
    at = np.linspace(said[0, 0] + 1.0, said[-1, 0] - 0.5, 1000)
    now = np.interp(at, replayed["stamp_s"].values, replayed["linear_x_mps"].values)
    recorded = np.interp(at, said[:, 0], said[:, 1])
    assert recorded.max() > 0.9 and np.diff(said[:, 1]).min() < -0.005  # it drove, and it braked
    assert np.abs(now - recorded).mean() < 0.01
    assert (now[recorded == 0.0] < 0.02).all()  # it stood while the button was pressed, until the recorded reset


def test_a_persons_reset_by_a_service_call_is_read_from_the_gates_report() -> None:
    with open_feed(YARD, None, {"safety/people"}, ()) as bag:
        words = persons_words(bag)
    assert [(word.method, word.arguments) for word in words] == [("reset", ("bystander",)), ("reset", ("operator",))]
    assert words[1].at_s - words[0].at_s == pytest.approx(11.9)


# --- real changes ---


def reference_for(tmp_path: Path, part: str, bag: Path = EMPTY) -> Path:
    checked = check(bag, tmp_path, part, update=True)
    assert checked.same and checked.verdict is None
    return tmp_path


def differs(tmp_path: Path, part: str, config: ReplayConfig | None = None, bag: Path = EMPTY) -> Checked:
    checked = check(bag, tmp_path, part, config=config)
    assert not checked.same and not checked.bit_identical
    return checked


def test_nothing_changed_is_bit_identical(tmp_path: Path) -> None:
    checked = check(EMPTY, reference_for(tmp_path, "controller"), "controller")
    assert checked.same and checked.bit_identical and checked.changes == ()
    assert lines(checked) == [lines(checked)[0]] and "bit-identical" in lines(checked)[0]


def test_a_changed_parameter_is_seen_and_named(tmp_path: Path) -> None:
    reference_for(tmp_path, "controller")
    slower = ReplayConfig(robot="scout", site="yard", parameters={"controller": {"acceleration_mps2": 0.3}})
    checked = differs(tmp_path, "controller", slower)
    assert checked.verdict is not None
    assert any(one.topic == "cmd_vel_nav" for one in checked.verdict.deviations)
    text = "\n".join(lines(checked))
    assert "parameter controller.acceleration_mps2" in text and "-> 0.3" in text


def test_a_changed_rule_of_the_gate_is_seen_and_named(tmp_path: Path) -> None:
    from physical_ai_core.share import share_path

    reference_for(tmp_path, "safety_gate")
    rules = yaml.safe_load((share_path("config/rules") / "yard.yaml").read_text(encoding="utf-8"))
    rules.setdefault("limits", {})["max_speed_mps"] = 0.2
    file = tmp_path / "slow.yaml"
    file.write_text(yaml.safe_dump(rules, allow_unicode=True), encoding="utf-8")
    config = ReplayConfig(robot="scout", site="yard", parameters={"safety_gate": {"rules": str(file)}})
    text = "\n".join(lines(differs(tmp_path, "safety_gate", config)))
    assert "cmd_vel.linear_x_mps" in text and "parameter safety_gate.rules: yard ->" in text and "slow.yaml" in text


def test_changed_weights_are_seen_and_the_model_is_named(tmp_path: Path) -> None:
    from physical_ai_world_model.ssm import weights

    folder = tmp_path / "people"
    shutil.copytree(weights.default_folder(), folder)
    config = ReplayConfig(robot="scout", site="yard", parameters={"world_model": {"people_model": str(folder)}})
    check(YARD, tmp_path, "world_model", update=True, config=config)
    card = yaml.safe_load((folder / "model.yaml").read_text(encoding="utf-8"))
    kept = weights.load(folder)
    tensors = {name: 1.05 * np.asarray(value) for name, value in kept.tensors.items()}
    card["sha256"] = weights.save(folder / card["file"], tensors, kept.shape, kept.calibration)
    (folder / "model.yaml").write_text(yaml.safe_dump(card, allow_unicode=True), encoding="utf-8")
    text = "\n".join(lines(differs(tmp_path, "world_model", config, YARD)))
    assert "world_model/prediction rows." in text.replace("prediction.rows", "prediction rows")
    assert "model world_model.people_model:" in text


# --- the command ---


def test_the_command_says_by_its_exit_code_what_came_of_it(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["replay", str(EMPTY), *arguments, "--out", str(tmp_path / "out")])

    against = ["--node", "telemetry", "--node", "planner", "--against", str(tmp_path / "refs")]
    missing = run(*against)
    assert isinstance(missing.exception, ReferenceError) and "--update-ref" in str(missing.exception)
    assert run(*against, "--update-ref").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "refs").iterdir()) == [
        "yard_empty.planner.reference", "yard_empty.telemetry.reference",
    ]  # fmt: skip
    same = run(*against, "--json")
    assert same.exit_code == 0
    assert [(one["part"], one["same"], one["bit_identical"]) for one in json.loads(same.stdout)] == [
        ("telemetry", True, True), ("planner", True, True),
    ]  # fmt: skip
    config = tmp_path / "other.yaml"
    config.write_text("robot: scout\nsite: yard\nparameters: {telemetry: {stop_speed_mps: 0.4}}\n")
    other = run("--node", "telemetry", "--against", str(tmp_path / "refs"), "--config", str(config))
    assert other.exit_code == 1
    assert "DIFFERS" in other.stdout and "telemetry.stop_speed_mps: 0.05 -> 0.4" in other.stdout
    assert list((tmp_path / "out").glob("*.png"))
    for bad in (["--node", "perceptoin", "--against", str(tmp_path)], ["--update-ref"],
                [*against, "--reader", "oracle"], [*against, "--tolerances", "none_such"]):  # fmt: skip
        error = run(*bad).exception
        assert isinstance(error, InputError) and error.exit_code == 2


# --- the planner's words ---


def test_the_planner_is_given_the_recorded_readings_and_says_the_recorded_goal() -> None:
    goal = against_reference("planner", YARD).replayed.spoken["goal_state"]
    with open_bag(YARD) as bag:
        recorded = [event.data for event in bag.events(["goal_state"])]
    assert goal.texts["steps.0.target.name"].values[0] == recorded[0].steps[0].target.name


def test_without_a_file_of_readings_the_bags_own_goals_stand_for_them(tmp_path: Path) -> None:
    bag = rewritten(EMPTY, tmp_path / "plain", lambda every: every)
    (bag / readings.FILE).unlink()
    one, two = played(EMPTY, "planner"), played(bag, "planner")
    name = "steps.0.target.name"
    assert one.spoken["goal_state"].texts[name] == two.spoken["goal_state"].texts[name]
    none = played(bag, "planner", reader="none")
    assert "goal_state" not in none.spoken and "refusal" in none.spoken["planner/reply"].texts["kind"].values


def test_readings_come_back_from_the_disk_and_bad_ones_are_refused(tmp_path: Path) -> None:
    found = readings.load_readings(YARD / readings.FILE)
    again = readings.load_readings(readings.save_readings(tmp_path / "r.json", found))
    assert again == found and isinstance(next(iter(found.values()))[0], Reading)
    for text in ("[]", "{", '{"go": [{"goal": {"steps": []}, "probability": 1}]}'):
        (tmp_path / "r.json").write_text(text)
        with pytest.raises(InputError, match="recorded readings"):
            readings.load_readings(tmp_path / "r.json")


# --- bad input ---


def refused(bag: Path, match: str, part: str = "safety_gate", config: ReplayConfig | None = None) -> None:
    with pytest.raises(BagError, match=match) as error:
        check(bag, bag.parent / "references", part, update=True, config=config)
    assert error.value.exit_code == 2


def test_a_truncated_bag_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    bag = tmp_path / "cut"
    shutil.copytree(EMPTY, bag)
    file = next(bag.glob("*.mcap"))
    file.rename(bag / "cut_0.mcap")
    file = bag / "cut_0.mcap"
    file.write_bytes(file.read_bytes()[: 3 * file.stat().st_size // 4])
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    refused(bag, "truncated")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_a_damaged_chunk_is_refused(tmp_path: Path) -> None:
    bag = rewritten(EMPTY, tmp_path / "bad", first_seconds(3.0))
    file = next(bag.glob("*.mcap"))
    content = bytearray(file.read_bytes())
    for k in range(len(content) // 3, len(content) // 3 + 2000):
        content[k] ^= 0x5A
    file.write_bytes(bytes(content))
    refused(bag, "damaged|cannot be read")


def test_a_topic_of_another_type_is_refused(tmp_path: Path) -> None:
    imu = next(data for topic, _, _, data in messages(EMPTY) if topic == "/imu/data")

    def change(every: list[Message]) -> list[Message]:
        return [(t, "sensor_msgs/msg/Imu", at, imu) if t == "/scan" else (t, k, at, d) for t, k, at, d in every]

    bag = rewritten(EMPTY, tmp_path / "odd", lambda every: change(first_seconds(2.0)(every)))
    refused(bag, r"/scan as sensor_msgs/msg/Imu; the graph's 'scan' is sensor_msgs/msg/LaserScan")


def test_content_that_is_no_message_is_refused(tmp_path: Path) -> None:
    def change(every: list[Message]) -> list[Message]:
        return [(t, k, at, d[:40] if t == "/scan" else d) for t, k, at, d in first_seconds(2.0)(every)]

    refused(rewritten(EMPTY, tmp_path / "short", change), "scan.*cannot be read")


def test_a_clock_that_goes_back_is_refused(tmp_path: Path) -> None:
    def again(every: list[Message]) -> list[Message]:
        part = first_seconds(3.0)(every)
        return [*part, *part]

    refused(rewritten(EMPTY, tmp_path / "twice", again), "clock of .* goes back by [23]")


def test_stamps_that_go_back_are_refused(tmp_path: Path) -> None:
    def later(every: list[Message]) -> list[Message]:
        part = first_seconds(3.0)(every)
        return [*part, *((t, k, at + 3_000_000_000, d) for t, k, at, d in part)]

    refused(rewritten(EMPTY, tmp_path / "stamps", later), "clock of .* goes back by [23]")


def test_a_bag_of_another_robot_is_refused(tmp_path: Path) -> None:
    bag = rewritten(EMPTY, tmp_path / "theirs", first_seconds(2.0), robot="husky_test1")
    refused(bag, "of robot 'husky_test1', the replay is set up for 'scout'")


def test_a_bag_of_two_robots_is_refused(tmp_path: Path) -> None:
    def both(every: list[Message]) -> list[Message]:
        part = first_seconds(2.0)(every)
        return [(f"/r{k % 2}{t}" if t == "/scan" else t, kind, at, d) for k, (t, kind, at, d) in enumerate(part)]

    refused(rewritten(EMPTY, tmp_path / "both", both), "'scan' of several robots: /r0/scan, /r1/scan")


def test_a_bag_without_what_the_node_needs_is_refused(tmp_path: Path) -> None:
    def less(every: list[Message]) -> list[Message]:
        return [one for one in first_seconds(2.0)(every) if one[0] != "/wheel/odometry"]

    refused(rewritten(EMPTY, tmp_path / "less", less), "lacks wheel/odometry")
    refused(tmp_path / "absent", "no bag at")


def test_a_reference_of_something_else_is_refused(tmp_path: Path) -> None:
    bag = rewritten(EMPTY, tmp_path / "yard_empty", first_seconds(3.0))
    check(bag, tmp_path / "refs", "telemetry", update=True)
    with pytest.raises(ReferenceError, match="another recording"):
        check(EMPTY, tmp_path / "refs", "telemetry")
    file = tmp_path / "refs" / "yard_empty.telemetry.reference"
    with pytest.raises(ReferenceError, match="is of telemetry, not of planner"):
        check(bag, file, "planner")
    theirs = rewritten(EMPTY, tmp_path / "theirs", first_seconds(3.0), robot="other")
    with pytest.raises(ReferenceError, match=r"of robot 'scout', the bag .* of robot 'other'"):
        check(theirs, file, "telemetry")
    assert load(file).bag == "yard_empty"
