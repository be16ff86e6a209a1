"""Small reference bags from the simulator: a drive of half a minute, recorded as the robot's recorder would.

Every node runs behind its live mail, as in a replay. Needs the simulator and the ROS messages, and is the only file
here that does: replaying a bag needs neither.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from physical_ai_bench.regression.cast import CONFIG_FILE
from physical_ai_bench.regression.mail import LiveNode, live
from physical_ai_bench.regression.readings import FILE, save_readings
from physical_ai_bench.scenario import load_scenario, overlaid
from physical_ai_bench.stack import NODES, Stack
from physical_ai_core import graph
from physical_ai_core import messages as m
from physical_ai_core.core import Core
from physical_ai_core.ros.encode import encode_wire
from physical_ai_planner.interpreter import Reading
from physical_ai_telemetry.metadata import write_metadata
from physical_ai_telemetry.split import RecordedTopic, Split

ROBOT: Final = "scout"
ZERO_NS: Final = 1_000_000_000
# What no replayed node hears, and what would only make the bag larger.
LEFT_OUT: Final = ("joint_states", "ground_truth/odometry", "ground_truth/people")
LICENCE: Final = (
    "Made by `./run replay-bags` with the simulator of this package; Apache-2.0 like the package. People walk as in the"
    " recordings of `physical_ai_sim/data/people`, whose licence lies beside them.\n"
)


@dataclass(frozen=True)
class Drive:
    """One reference bag. `presses`: seconds at which the emergency stop goes down, up, and a person resets."""

    name: str
    scenario: str
    seconds: float
    seed: int = 1
    instruction: str | None = None
    presses: tuple[float, float, float] | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


DRIVES: Final = (
    Drive("yard", "yard", 20.0, presses=(10.0, 11.0, 12.5), parameters={"simulator": {"people_at_once": 2}}),
    Drive("yard_empty", "yard_empty", 8.0),
)


class RecordedStack(Stack):
    """The stack of the bench, with the mail of the live nodes and a recorder on every topic of the table."""

    def build(self, name: str) -> Core:
        core = super().build(name)
        return live(name, core) if name in NODES else core


def record(drive: Drive, folder: Path) -> Path:
    """Drive and record into FOLDER/NAME, which is replaced. Deterministic but for the serializer's padding bytes."""
    bag = folder / drive.name
    shutil.rmtree(bag, ignore_errors=True)
    bag.mkdir(parents=True)
    scenario = overlaid(load_scenario(drive.scenario), {node: dict(v) for node, v in drive.parameters.items()})
    split = Split(bag / f"{drive.name}_0.mcap", "zstd", {"site": scenario.site, "robot": ROBOT})
    origin: dict[str, RecordedTopic] = {}

    def tap(topic: str, data: Any, now_s: float) -> None:
        spec = graph.TOPIC.get(topic)
        if spec is None or not spec.recorded or topic in LEFT_OUT:
            return
        recorded = origin.setdefault(topic, RecordedTopic(_resolved(topic), spec.ros_type, spec.qos))
        split.write(recorded, round(now_s * 1e9), encode_wire(spec.ros_type, data))

    stack = RecordedStack(scenario, drive.seed, taps=[tap], instruction=drive.instruction)
    runner = stack.runner
    for node in runner.cores.values():
        if isinstance(node, LiveNode):
            node.clock = lambda: runner.now_s
    if drive.presses is not None:
        down_s, up_s, reset_s = (stack.start_s + s for s in drive.presses)
        runner.at(down_s, lambda: runner.say("emergency_stop", m.Flag(True)))
        runner.at(up_s, lambda: runner.say("emergency_stop", m.Flag(False)))
        gate: Any = runner.cores["safety_gate"]
        runner.at(reset_s, lambda: gate.reset("operator"))
        runner.at(reset_s + 0.5, lambda: runner.say("instruction", m.Text("再開")))
    stack.run(until_s=drive.seconds - 2.0)
    split.close()
    write_metadata(bag)
    config = {
        "robot": ROBOT,
        "site": scenario.site,
        "parameters": {n: dict(v) for n, v in scenario.parameters.items() if n in ("/**", *NODES)},
    }
    (bag / CONFIG_FILE).write_text(yaml.safe_dump(config, sort_keys=True, allow_unicode=True), encoding="utf-8")
    save_readings(bag / FILE, {stack.instruction: [Reading(stack._goal, 1.0)]})
    (bag / "LICENCE.md").write_text(LICENCE, encoding="utf-8")
    return bag


def record_all(folder: Path, told: Callable[[Path], None] | None = None) -> list[Path]:
    """Every reference bag."""
    found = []
    for drive in DRIVES:
        found.append(record(drive, folder))
        if told is not None:
            told(found[-1])
    return found


def _resolved(topic: str) -> str:
    return topic if topic.startswith("/") else f"/{topic}"
