"""The real graph with a candidate as its shadow: it is compared and never speaks, is promoted, and then speaks."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kit import SHIPPED, say, weights
from own_kit import OWN, own_weights, slightly

from physical_ai_core.models.limits import load_limits
from physical_ai_core.models.slots import Card, Slots
from physical_ai_world_model.own_motion.weights import ARCHITECTURE as OWN_ARCHITECTURE
from physical_ai_world_model.ssm.shape import ARCHITECTURE

pytestmark = pytest.mark.graph

INCUMBENT = f"package {hashlib.sha256(SHIPPED.read_bytes()).hexdigest()[:12]}"
OWN_INCUMBENT = f"package {hashlib.sha256(OWN.read_bytes()).hexdigest()[:12]}"
ORDER = "go to the shelves"
ASKED = ("people_model", "shadow_model", "own_motion_model", "own_shadow_model")


class Ears:
    """What the world model's heartbeat said: its values, beat by beat, and how many predictions were published."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from sensor_msgs.msg import PointCloud2

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("ears", context=self.context)
        self.executor = rclpy.executors.SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.beats: list[dict[str, str]] = []
        self.predictions = 0
        self.node.create_subscription(DiagnosticArray, "heartbeat", self._beat, 50)
        self.node.create_subscription(PointCloud2, "world_model/prediction", self._prediction, 10)

    def _beat(self, msg: Any) -> None:
        self.beats += [{v.key: v.value for v in said.values} for said in msg.status if said.name == "world_model"]

    def _prediction(self, msg: Any) -> None:
        self.predictions += msg.width > 0

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"did not happen in time: {self.beats[-1:]}"
            self.executor.spin_once(timeout_sec=0.05)

    def last(self, name: str) -> str:
        return self.beats[-1].get(name, "") if self.beats else ""

    def speakers(self) -> set[tuple[str, str]]:
        """Whose weights of each model ever spoke, since the node was configured."""
        names = ("people_model", "own_motion_model")
        return {(beat[names[0]], beat[names[1]]) for beat in self.beats if names[0] in beat}

    def close(self) -> None:
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The robot's models: a candidate of each waits, a thousandth beside the packaged weights and less."""
    monkeypatch.setenv("PHYSICAL_AI_MODELS", str(tmp_path / "models"))
    content = weights(tmp_path, 0.001)
    card = Card("people", 1, hashlib.sha256(content).hexdigest(), ARCHITECTURE, "")
    Slots("people", tmp_path / "models").fill(content, card)
    own = own_weights(tmp_path / "own", slightly).read_bytes()
    card = Card("own_motion", 1, hashlib.sha256(own).hexdigest(), OWN_ARCHITECTURE, "")
    Slots("own_motion", tmp_path / "models").fill(own, card)
    return tmp_path / "models"


@pytest.fixture
def ears(models: Path, ros_env: dict[str, str], tmp_path: Path) -> Iterator[Ears]:
    """The demo of the yard as real processes, among its people, on a slow drive."""
    commands = {ORDER: {"steps": [{"task": "navigate", "target": {"kind": "place", "name": "shelves"}}]}}
    (tmp_path / "commands.yaml").write_text(yaml.safe_dump(commands), encoding="utf-8")
    planner = {"language_enabled": False, "commands_file": str(tmp_path / "commands.yaml")}
    table = {
        "/**": {"ros__parameters": {"robot": "scout"}},
        "planner": {"ros__parameters": planner},
        "controller": {"ros__parameters": {"cruise_speed_mps": 0.2}},
        "world_model": {"ros__parameters": dict.fromkeys(ASKED, "installed")},
    }
    (tmp_path / "robot.yaml").write_text(yaml.safe_dump(table), encoding="utf-8")
    command = [sys.executable, "-m", "physical_ai_cli", "demo", "--out", str(tmp_path / "out"), "--scenario", "yard",
               "--parameters", str(tmp_path / "robot.yaml"), "--instruction", ORDER]  # fmt: skip
    demo = subprocess.Popen(
        command, env={**ros_env, "PHYSICAL_AI_MODELS": str(models)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    found = Ears()
    yield found
    found.close()
    os.killpg(demo.pid, signal.SIGINT)
    try:
        demo.wait(20.0)
    except subprocess.TimeoutExpired:
        os.killpg(demo.pid, signal.SIGKILL)
        demo.wait()


def test_a_shadow_in_the_real_graph_never_speaks_until_it_is_promoted_and_the_node_begins_anew(
    models: Path, ears: Ears, tmp_path: Path
) -> None:
    slots = Slots("people", models)
    waiting = slots.candidate()
    assert waiting is not None
    candidate = waiting[1].sha256
    ears.until(lambda: int(ears.last("shadow.compared") or 0) >= 20 and ears.predictions > 20, 100.0)
    ears.until(lambda: int(ears.last("own_shadow.compared") or 0) >= 3, 30.0)
    assert ears.speakers() == {(INCUMBENT, OWN_INCUMBENT)}
    assert abs(float(ears.last("own_shadow.fde_more_m"))) < 0.01 and ears.last("own_shadow.fault") == ""
    assert ears.last("shadow.candidate") == candidate and ears.last("shadow.fault") == ""
    assert abs(float(ears.last("shadow.fde_more_m"))) < 0.5 and float(ears.last("shadow.latency_p99_ms")) > 0.0

    # The supervisor keeps the record, and promotion reads it.
    ears.until(lambda: slots.noted("shadow.json").get("compared", "0") != "0", 90.0)
    assert slots.noted("shadow.json")["candidate"] == candidate
    code, text = say("promote")
    least = load_limits("people").shadow.compared_least
    assert code == 1 and f"of {least} forecasts were compared" in " ".join(text.split())
    assert slots.pointer().active == "package"
    limits = {"shadow": {"compared_least": 1, "nll_margin": 5.0, "fde_margin_m": 1.0, "coverage_least": 0.0,
                         "coverage_most": 1.0, "latency_p99_ms_most": 1e6}}  # fmt: skip
    (tmp_path / "few.yaml").write_text(yaml.safe_dump(limits), encoding="utf-8")
    code, said = say("promote", "--thresholds", tmp_path / "few.yaml")
    assert code == 0 and said["promoted"][0]["sha256"] == candidate

    # Nothing is exchanged under way; the next start of the node loads it.
    heard = len(ears.beats)
    ears.until(lambda: len(ears.beats) > heard + 4, 20.0)
    assert ears.speakers() == {(INCUMBENT, OWN_INCUMBENT)}
    os.kill(int(ears.last("pid")), signal.SIGKILL)
    ears.until(lambda: ears.last("people_model") == f"installed {candidate[:12]}", 60.0)
    assert ears.last("shadow.fault") == "no candidate waits in a slot"
    assert ears.last("own_motion_model") == OWN_INCUMBENT, "nobody promoted that one"
