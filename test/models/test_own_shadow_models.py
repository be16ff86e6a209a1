"""A candidate for the own motion beside the weights in use, on a recorded drive: compared late, and never heard."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from kit import say
from own_kit import OWN, Tensors, own_weights, slightly

from physical_ai_core import messages as m
from physical_ai_core.core import OK
from physical_ai_core.models.limits import ShadowLimits, load_limits
from physical_ai_core.models.slots import Card, Slots
from physical_ai_core.models.watch import judge_shadow
from physical_ai_learning.release.replayed import inputs, ticks
from physical_ai_supervisor.core import SupervisorCore
from physical_ai_supervisor.parameters import SupervisorParameters
from physical_ai_telemetry.bag import Event
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.own_motion.shadow import OwnShadow
from physical_ai_world_model.own_motion.weights import ARCHITECTURE
from physical_ai_world_model.parameters import WorldModelParameters

BAG = Path(__file__).parents[1] / "data/replay/yard_empty"
FEW = ShadowLimits(compared_least=10, nll_margin=0.05, fde_margin_m=0.002, coverage_least=0.5, coverage_most=1.0,
                   latency_p99_ms_most=1e9)  # fmt: skip


@lru_cache(maxsize=1)
def events() -> list[Event]:
    return inputs(BAG)


def core_of(**parameters: object) -> WorldModelCore:
    return WorldModelCore(WorldModelParameters(people_model="", shadow_period_s=0.2, **parameters))  # type: ignore[arg-type]


def driven(core: WorldModelCore) -> list[bytes]:
    """The whole drive; → its own path as it was published."""
    return [o.data.poses.tobytes() for _, said in ticks(core, events()) for o in said if o.topic == "world_model/path"]


@lru_cache(maxsize=1)
def alone() -> list[bytes]:
    return driven(core_of())


def shadow_of(core: WorldModelCore) -> OwnShadow:
    assert core.own_shadow is not None
    return core.own_shadow


def test_the_shadow_of_the_incumbent_is_exactly_as_good_and_changes_nothing_that_is_said() -> None:
    core = core_of(own_shadow_model=str(OWN))
    assert driven(core) == alone() and len(alone()) > 50
    report = shadow_of(core).report()
    assert report["compared"] >= 30 and report["nll_more"] == report["fde_more_m"] == 0.0 and not report["fault"]
    assert 0.0 < report["fde_m"] < 0.02 and report["inside_90"] == report["incumbent_inside_90"] > 0.8
    assert judge_shadow(report, core.own.sha256, FEW) == []
    values = core.health().values
    assert values["own_shadow.compared"] == str(report["compared"]) and "shadow.compared" not in values


def test_a_worse_candidate_is_seen(tmp_path: Path) -> None:
    def gain(tensors: Tensors) -> None:
        tensors["head.bias"][4] += np.float32(0.5)  # the base is said to go faster than it is told

    core = core_of(own_shadow_model=str(own_weights(tmp_path, gain)))
    assert driven(core) == alone()
    shadow = shadow_of(core)
    report = shadow.report()
    assert report["fde_more_m"] > 0.01
    assert any("errors" in reason for reason in judge_shadow(report, report["candidate"], FEW))


def test_a_shadow_that_breaks_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of(own_shadow_model=str(OWN))
    candidate = shadow_of(core)._both[1]

    def broken(*said: object) -> None:
        raise FloatingPointError("no prediction")

    monkeypatch.setattr(candidate, "predict", broken)
    assert driven(core) == alone()
    assert core.health().values["own_shadow.fault"] == "FloatingPointError: no prediction"
    assert shadow_of(core).report()["compared"] == 0


def test_gaps_and_a_robot_that_stands_are_not_compared() -> None:
    shadow = shadow_of(core_of(own_shadow_model=str(OWN)))
    zero = np.zeros(2)
    for k in range(400):
        shadow.observe(0.02 * k, np.zeros(3), np.zeros(3), zero)
        shadow.command(0.02 * k, 0.0, 0.0)
    for k in range(400):  # it moves, and is heard of four times in ten seconds
        shadow.observe(20.0 + 2.5 * k, np.array([k, 0.0, 0.0]), np.array([0.4, 0.0, 0.0]), zero)
    assert shadow.report() == {"candidate": shadow._both[1].sha256, "compared": 0, "fault": ""}
    shadow.clear()
    shadow.observe(0.0, np.full(3, np.nan), np.full(3, np.nan), zero)
    assert not shadow.fault


def test_a_missing_candidate_is_told_and_the_weights_in_use_speak(tmp_path: Path) -> None:
    for asked in ("installed", str(tmp_path / "none")):
        core = core_of(own_shadow_model=asked, models_folder=str(tmp_path))
        assert core.own_shadow is None and core.health().values["own_shadow.fault"]
        assert not core.own.missing


def test_what_waits_is_compared_kept_by_the_supervisor_and_then_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHYSICAL_AI_MODELS", str(tmp_path))
    content = own_weights(tmp_path / "new", slightly).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    slots = Slots("own_motion", tmp_path)
    slots.fill(content, Card("own_motion", 1, sha256, ARCHITECTURE, ""))
    core = core_of(own_motion_model="installed", own_shadow_model="installed")
    driven(core)
    supervisor = SupervisorCore(SupervisorParameters(models_folder=str(tmp_path)))
    beat = m.Status(OK, "world_model", "ok", core.health().values)
    for second in range(20):
        supervisor.watch(float(second))
        supervisor.handle("heartbeat", m.Diagnostics(float(second), (beat,)), float(second))
        supervisor.tick(float(second))
    assert slots.noted("shadow.json")["candidate"] == sha256 and not (tmp_path / "people").exists()
    code, text = say("promote", "--name", "own_motion")
    least = load_limits("own_motion").shadow.compared_least
    assert code == 1 and f"of {least} forecasts were compared" in " ".join(text.split())
    (tmp_path / "few.yaml").write_text(yaml.safe_dump({"shadow": FEW.model_dump()}))
    code, said = say("promote", "--name", "own_motion", "--thresholds", tmp_path / "few.yaml")
    assert code == 0 and said["promoted"][0]["sha256"] == sha256
    assert core_of(own_motion_model="installed").own.sha256 == sha256
