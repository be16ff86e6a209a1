"""The own motion's way to the robot: published, installed, loaded at the next activation, watched, rolled back."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from kit import accepts, say
from own_kit import OWN, own_weights, slightly

from physical_ai_bench.rooms import make_core
from physical_ai_core import layouts
from physical_ai_core import messages as m
from physical_ai_core.core import OK, WARN
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.models.slots import Card, Slots
from physical_ai_supervisor.core import SupervisorCore
from physical_ai_supervisor.parameters import SupervisorParameters
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.own_motion.source import own_motion_of
from physical_ai_world_model.own_motion.weights import ARCHITECTURE, load
from physical_ai_world_model.parameters import WorldModelParameters

NAME = ("--name", "own_motion")
SHIPPED = load(OWN).sha256
INSTALLED = {"own_motion_model": "installed"}


@pytest.fixture
def robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of its models."""
    monkeypatch.setenv("PHYSICAL_AI_MODELS", str(tmp_path / "robot"))
    return tmp_path / "robot"


def promoted(robot: Path, path: Path) -> str:
    """Straight into the slots; → the hash."""
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    slots = Slots("own_motion", robot)
    slots.fill(content, Card("own_motion", 1, sha256, ARCHITECTURE, ""))
    slots.promote()
    return sha256


def world_of(robot: Path, **parameters: str) -> WorldModelCore:
    """As at an activation."""
    return WorldModelCore(WorldModelParameters(**{**INSTALLED, "models_folder": str(robot), **parameters}))  # type: ignore[arg-type]


def stand(world: WorldModelCore, seconds: float = 1.0) -> m.Path:
    """A robot that drives on is heard, and nobody else; → its own path at last."""
    path: m.Path | None = None
    begin_s = 100.0
    for k in range(round(50 * seconds)):
        now_s = begin_s + 0.02 * k
        place, zero = np.array([0.02 * k, 0.0, 0.0]), np.zeros(3)
        state = m.Odometry(now_s, "odom", "base_link", place, quaternion_of_yaw(0.0), np.array([1.0, 0.0, 0.0]), zero)
        world.handle("state/odometry", state, now_s)
        world.handle("cmd_vel", m.Twist(now_s, "base_link", 1.0, 0.0), now_s)
        for output in world.tick(now_s):
            path = output.data if output.topic == "world_model/path" else path
    assert path is not None
    return path


def test_the_whole_way_on_the_command_line(robot: Path, tmp_path: Path) -> None:
    stick, keys = tmp_path / "stick", tmp_path / "keys"
    candidate = own_weights(tmp_path / "new", slightly)
    sha256 = hashlib.sha256(candidate.read_bytes()).hexdigest()
    decision = tmp_path / "decision.json"
    root = say("init", stick, "--keys", keys)[1]["repository"][0]["root"]
    publish = ("publish", stick, candidate, "--keys", keys, "--decision", decision, *NAME)
    decision.write_bytes(accepts(candidate.read_bytes(), "people"))
    assert say(*publish)[0] == 2  # a decision about another model
    decision.write_bytes(accepts(candidate.read_bytes(), "own_motion"))
    code, said = say(*publish)
    assert code == 0 and said["published"][0]["architecture"] == ARCHITECTURE
    assert [one["name"] for one in say("verify", stick, "--root", root)[1]["offers"]] == ["own_motion"]
    assert say("install", stick, *NAME, "--robot", "heron")[0] == 2  # another robot's
    assert say("install", stick, *NAME)[0] == 0
    assert world_of(robot).own.sha256 == SHIPPED  # installed is not promoted
    code, text = say("promote", *NAME)
    assert code == 1 and "not run as a shadow" in text
    running = world_of(robot)
    assert say("promote", *NAME, "--without-shadow")[0] == 0
    running.heed()
    assert running.own.sha256 == SHIPPED, "what runs goes on: the other comes with the next activation"
    world = world_of(robot)
    assert world.own.sha256 == sha256 and world.health().values["own_motion_model"] == f"installed {sha256[:12]}"
    status = {row["name"]: row for row in say("status")[1]["models"]}
    assert status["own_motion"]["active"] == "a" and status["people"]["active"] == "package"
    assert say("rollback", *NAME, "--reason", "a test")[0] == 0
    assert world_of(robot).own.sha256 == SHIPPED
    assert say("install", stick, *NAME)[0] == 2  # rolled back on this robot


def test_weights_that_cannot_be_fill_no_slot(robot: Path, tmp_path: Path) -> None:
    stick, keys, path = tmp_path / "stick", tmp_path / "keys", tmp_path / "candidate"
    path.write_bytes(OWN.read_bytes().replace(b'\\"t_s\\"', b'\\"t_x\\"'))
    (tmp_path / "decision.json").write_bytes(accepts(path.read_bytes(), "own_motion"))
    root = say("init", stick, "--keys", keys)[1]["repository"][0]["root"]
    assert say("publish", stick, path, "--keys", keys, "--decision", tmp_path / "decision.json", *NAME)[0] == 0
    code, text = say("install", stick, *NAME, "--root", root)
    assert code == 2 and "make no sense" in text
    assert Slots("own_motion", robot).candidate() is None


def test_planner_and_controller_run_the_same_installed_weights(robot: Path, tmp_path: Path) -> None:
    sha256 = promoted(robot, own_weights(tmp_path / "new", slightly))
    for node in ("world_model", "controller"):
        core = make_core(node, {**INSTALLED, "models_folder": str(robot)})
        assert core.health().values["own_motion_model"] == f"installed {sha256[:12]}"
        assert make_core(node, {}).health().values["own_motion_model"] == f"package {SHIPPED[:12]}"


def test_a_damaged_slot_leaves_the_packaged_weights_and_says_so(robot: Path, tmp_path: Path) -> None:
    promoted(robot, own_weights(tmp_path / "new", slightly))
    path = robot / "own_motion" / "a" / "weights"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    world = world_of(robot)
    assert world.own.sha256 == SHIPPED and not world.own.missing
    assert "damaged" in world.own.warning and "同梱モデル" in world.own.warning
    stand(world)
    world.handle("state/objects", m.Objects(100.98, "odom", _nobody()), 100.98)
    health = world.health()
    assert health.level == WARN and "damaged" in health.message
    assert health.values["own_motion_model"] == f"package {SHIPPED[:12]}" and health.values["own_motion"] == "learnt"


def test_a_whole_slot_that_cannot_be_loaded_leaves_the_packaged_weights(robot: Path, tmp_path: Path) -> None:
    """Its card is right and its content is not: of an older software, say."""
    path = tmp_path / "odd"
    path.write_bytes(b"no weights at all")
    promoted(robot, path)
    own = own_motion_of("installed", str(robot), 0.15)
    assert own.sha256 == SHIPPED and "同梱モデル" in own.warning and own.source == f"package {SHIPPED[:12]}"


@pytest.mark.parametrize("asked, word", [("", "switched off"), ("/none/of/these", "cannot be read")])
def test_without_weights_the_kinematic_model_speaks(tmp_path: Path, asked: str, word: str) -> None:
    world = world_of(tmp_path, own_motion_model=asked)
    path = stand(world)
    assert np.isfinite(path.poses).all() and word in world.own.missing
    assert world.health().values["own_motion_model"] == "none"
    world.handle("state/objects", m.Objects(100.98, "odom", _nobody()), 100.98)
    assert world.health().level == (WARN if asked else OK)  # who asked for it is not warned


def test_a_roll_back_is_heeded_at_once_and_the_path_goes_on(robot: Path, tmp_path: Path) -> None:
    sha256 = promoted(robot, own_weights(tmp_path / "new", slightly))
    world = world_of(robot)
    before = stand(world)
    assert world.health().values["own_motion"] == "learnt"
    Slots("own_motion", robot).roll_back("too many stops")
    world.heed()
    after = next(o.data for o in world.tick(101.08) if o.topic == "world_model/path")
    went_m = after.stamp_s - before.stamp_s  # at 1 m/s
    assert np.abs(after.poses[:, 0] - before.poses[:, 0] - went_m).max() < 0.05, "it does not jump"
    values = world.health().values
    assert "too many stops" in values["own_motion"] and "運動学" in values["own_motion"]
    assert values["own_motion_model"] == "none" and sha256 in Slots("own_motion", robot).pointer().refused
    assert world.people.speaks, "the forecast of people is another model"


def test_a_model_that_stops_the_robot_more_often_is_rolled_back_and_the_other_model_stays(
    robot: Path, tmp_path: Path
) -> None:
    sha256 = promoted(robot, own_weights(tmp_path / "new", slightly))
    world = world_of(robot)
    supervisor = SupervisorCore(SupervisorParameters(models_folder=str(robot)))
    beat = m.Status(OK, "world_model", "ok", world.health().values)
    said: dict[str, m.Status] = {}
    for second in range(3600):
        figures = {"operating_time_s": f"{second}", "stops": str(second // 60), "faults": "0", "hard_overrides": "0"}
        supervisor.watch(float(second))
        beats = (beat, m.Status(OK, "telemetry", "ok", figures))
        supervisor.handle("heartbeat", m.Diagnostics(float(second), beats), float(second))
        for output in supervisor.tick(float(second)):
            said |= {status.name: status for status in output.data.statuses}
    slots = Slots("own_motion", robot)
    assert slots.pointer().active == "package" and sha256 in slots.pointer().refused
    assert slots.noted("roll_back.json")["model"] == sha256 and "stops" in slots.pointer().reason
    line = said["physical_ai/models/own_motion"]
    assert line.level == WARN and "'own_motion'" in line.message and "戻しました" in line.message
    assert not (robot / "people").exists() and "physical_ai/models" not in said


def _nobody() -> layouts.Rows:
    return layouts.empty(layouts.OBJECT)
