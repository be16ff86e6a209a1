"""Hashes of what really ran, from the heartbeats of real cores into bags and incidents."""

from __future__ import annotations

import json
from pathlib import Path

from made_run import events, recorded, serialized, wait_until

from physical_ai_core import messages as m
from physical_ai_core.core import OK
from physical_ai_planner.core import PlannerCore
from physical_ai_planner.parameters import PlannerParameters
from physical_ai_telemetry.core import TelemetryCore
from physical_ai_telemetry.incidents import Cause
from physical_ai_telemetry.metadata import STORY, recorded_info, splits, what_ran
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.provenance import SAID, said_by
from physical_ai_telemetry.recorder import Recorder
from physical_ai_telemetry.recover import recover
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.own_motion import weights as own_weights
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.ssm import weights as people_weights


def heartbeat() -> m.Diagnostics:
    """As the nodes say it, from their cores."""
    nodes = {
        "world_model": WorldModelCore(WorldModelParameters()).health(),
        "planner": PlannerCore(PlannerParameters(site="yard", model="tiny")).health(),
    }
    gate = m.Status(OK, "safety_gate", "ok", {"rules": "ab12", "state": "clear"})
    return m.Diagnostics(1.0, (gate, *(m.Status(h.level, name, h.message, h.values) for name, h in nodes.items())))


def test_the_heartbeats_name_the_very_weights_that_run() -> None:
    said = said_by(heartbeat())
    assert said["world_model.people_sha256"] == people_weights.load(people_weights.default_folder()).sha256
    assert said["world_model.own_motion_sha256"] == own_weights.load(own_weights.default_folder()).sha256
    assert (said["safety_gate.rules"], said["planner.model"]) == ("ab12", "tiny")
    assert {name.split(".")[0] for name in said} == set(SAID), "every node named there says something"


def test_an_empty_value_names_nothing_and_a_later_one_replaces() -> None:
    core = TelemetryCore(TelemetryParameters())
    for rules in ("old", "", "new"):
        status = m.Status(OK, "safety_gate", "ok", {"rules": rules})
        core.handle("heartbeat", m.Diagnostics(1.0, (status,)), 1.0)
        assert core.said == {"safety_gate.rules": rules or "old"}


def test_bag_and_incident_hold_what_ran_also_after_a_change_and_a_kill(tmp_path: Path) -> None:
    recorder = Recorder(TelemetryParameters(output_folder=str(tmp_path), bag="run"))
    recorder.start()
    run = list(events(4.0))

    def play(said: dict[str, str], part: list) -> None:  # type: ignore[type-arg]
        recorder.name_what_runs(said)
        already = recorder.status().messages
        for topic, data, stamp_s in part:
            recorder.write(recorded(topic), round(stamp_s * 1e9), serialized(topic, data))
        assert wait_until(lambda: recorder.status().messages == already + len(part))

    first, then = {"world_model.people_sha256": "1" * 64}, said_by(heartbeat())
    play(first, run[:100])
    play(then, run[100:200])
    recorder.note(Cause(run[150][2], "gate", "stop", "it stops", "停止"))
    assert wait_until(lambda: recorder.status().incidents == 1)
    recorder.stop()
    bag = tmp_path / "run"
    assert what_ran(bag) == then
    assert recorded_info(bag).get("physical_ai_runs") is None
    (folder,) = (tmp_path / "incidents").iterdir()
    assert json.loads((folder / STORY).read_text(encoding="utf-8"))["said"] == then
    (file,) = splits(bag)
    file.write_bytes(file.read_bytes()[:-200])  # as a killed recorder leaves it: no end
    recover(bag)
    assert what_ran(bag) == then
