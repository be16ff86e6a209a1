"""Ordinary demo traffic with the gate and without it: what it stops for nothing, and what it costs in time."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from shapely import MultiPoint, Polygon, unary_union

from physical_ai_bench.scenario import Scenario, load_scenario
from physical_ai_bench.stack import Outcome, Stack
from physical_ai_core import messages as m
from physical_ai_core.core import OK, Core, Health, Output, Outputs
from physical_ai_core.geometry import rotation
from physical_ai_core.robot import load_robot
from physical_ai_core.site import Site
from physical_ai_safety.rules import load_rules
from physical_ai_safety.schema import RulesFile
from physical_ai_safety.situation import GateVerdict
from physical_ai_sim import physics

SCENARIO: Final = "yard"
SAME_STOP_S: Final = 1.0  # a stop that begins so soon after the last one is the same
FRESH_S: Final = 0.25  # as the gate's own limit for autonomy
STANDING: Final = 0.02
EXPECTED: Final = ("start", "waiting", "hold", "emergency_stop")  # no stops of traffic


class PassingGate:
    """A core in the gate's place that lets every command through: the same traffic, ungated."""

    def __init__(self) -> None:
        self._last: m.Twist | None = None
        self._ticks = 0

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        if topic != "cmd_vel_nav":
            return ()
        self._last = data
        return [Output("cmd_vel", data)]

    def tick(self, stamp_s: float) -> Outputs:
        last, self._ticks = self._last, self._ticks + 1
        if last is None or stamp_s - last.stamp_s > FRESH_S:
            last = m.Twist(stamp_s, "base_link", 0.0, 0.0)
        outputs = [Output("cmd_vel", m.Twist(stamp_s, "base_link", last.linear_x_mps, last.angular_z_rps))]
        if self._ticks % 4 == 0:
            both = [last.linear_x_mps, last.angular_z_rps]
            outputs.append(Output("safety/verdict", GateVerdict(stamp_s, "clear", "autonomy", both, both, [], "", "")))
        return outputs

    def health(self) -> Health:
        return Health(OK, "passes everything")


class UngatedStack(Stack):
    """The whole stack with a gate that passes everything."""

    def build(self, name: str) -> Core:
        return PassingGate() if name == "safety_gate" else super().build(name)


@dataclass(frozen=True)
class Stop:
    """The gate began to stop a robot that was asked to move. `gap_m`: to the nearest thing, by the simulator's truth;
    `need_m`: the way to rest, the margins and what the nearest walker could walk meanwhile."""

    at_s: float
    rule: str
    clause: str
    speed_mps: float
    gap_m: float
    need_m: float

    @property
    def false(self) -> bool:
        """Nothing was near enough, or an input was called stale though the harness loses none."""
        return self.rule not in ("obstacle", "person", "zone") or self.gap_m > self.need_m


class StopJudge:
    """A tap: every protective stop of the gate against ground truth. Generous to the gate: direction is ignored."""

    def __init__(self, site: Site, robot: str, rules: RulesFile) -> None:
        self._hull = MultiPoint(load_robot(robot).footprint).convex_hull
        shapes = [Polygon(item.outline()) for item in site.structures.values()]
        zones = [zone.shape.exterior for zone in site.zones.values()]
        self._solid, self._zones = unary_union(shapes), unary_union(zones)
        self._rules = rules
        self._pose: tuple[float, float, float] | None = None
        self._speed_mps = 0.0
        self._people: Any = None
        self._stopping_s = -math.inf
        self.stops: list[Stop] = []

    def tap(self, topic: str, data: Any, now_s: float) -> None:
        if topic == "ground_truth/odometry":
            x, y, yaw = (float(value) for value in data.planar_pose())
            self._pose, self._speed_mps = (x, y, yaw), float(np.hypot(*data.linear_mps[:2]))
        elif topic == "ground_truth/people":
            self._people = data.rows
        elif topic == "safety/verdict":
            self._verdict(data, now_s)

    def _verdict(self, verdict: Any, now_s: float) -> None:
        asked = max(abs(verdict.command_in[0]), abs(verdict.command_in[1]))
        given = max(abs(verdict.command_out[0]), abs(verdict.command_out[1]))
        if verdict.state != "protective_stop" or asked < STANDING or given > 0.0:
            return
        note = verdict.interventions[-1]
        if note.rule in EXPECTED:
            self._stopping_s = now_s if note.rule == "hold" else self._stopping_s
            return
        new = now_s - self._stopping_s > SAME_STOP_S
        self._stopping_s = now_s
        if new and self._pose is not None:
            speed = max(self._speed_mps, abs(verdict.command_in[0]))
            gap_m, need_m = self._needed(speed, note.rule)
            self.stops.append(Stop(now_s, note.rule, note.clause, speed, gap_m, need_m))

    def _needed(self, speed_mps: float, rule: str) -> tuple[float, float]:
        """Of what is nearest beyond its own need: (gap, need)."""
        assert self._pose is not None
        stopping = self._rules.stopping
        rest_s = stopping.reaction_s + speed_mps / stopping.braking_mps2
        way_m = speed_mps * stopping.reaction_s + speed_mps**2 / (2.0 * stopping.braking_mps2)
        margin_m = stopping.stop_margin_m + stopping.side_margin_m + stopping.resume_extra_m
        corners = np.array(self._hull.exterior.coords) @ rotation(self._pose[2]).T + self._pose[:2]
        body = Polygon(corners)
        rows = [(float(body.distance(self._solid)), way_m + margin_m)]
        if rule == "zone":
            rows.append((float(body.distance(self._zones)), way_m + margin_m))
        if self._people is not None and len(self._people):
            for person in self._people:
                gap_m = float(body.distance(MultiPoint([(person["x"], person["y"])]))) - physics.PERSON_RADIUS_M
                walk_mps = math.hypot(person["vx"], person["vy"]) + self._rules.people.spread_mps
                spare_s = rest_s + self._rules.people.rest_before_contact_s
                rows.append((gap_m, way_m + margin_m + walk_mps * spare_s))
        return min(rows, key=lambda row: row[0] - row[1])


@dataclass(frozen=True)
class Drive:
    """One seed, gated and ungated."""

    seed: int
    gated: Outcome
    ungated: Outcome
    stops: tuple[Stop, ...]

    @property
    def ratio(self) -> float:
        """Time to the goal over that without the gate; nan where one of both did not come to it."""
        if not (self.gated.reached and self.ungated.reached):
            return math.nan
        return self.gated.drive_s / self.ungated.drive_s


def drive_traffic(
    seeds: Sequence[int],
    report: Callable[[float], None],
    scenario: Scenario | None = None,
    until_s: float | None = None,
    jobs: int = 1,
) -> list[Drive]:
    """Each seed twice, in lockstep and as fast as the machine computes; `jobs` seeds at a time, each in its process."""
    scenario = scenario or load_scenario(SCENARIO)
    drives: list[Drive] = []
    if jobs == 1:
        for done, seed in enumerate(seeds):
            drives.append(drive_one(scenario, seed, until_s))
            report((done + 1) / len(seeds))
        return drives
    context = multiprocessing.get_context("spawn")  # fork would carry threads of numerical libraries along
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        runs = [pool.submit(drive_one, scenario, seed, until_s) for seed in seeds]
        for done, run in enumerate(as_completed(runs)):
            drives.append(run.result())
            report((done + 1) / len(seeds))
    return sorted(drives, key=lambda drive: drive.seed)


def drive_one(scenario: Scenario, seed: int, until_s: float | None = None) -> Drive:
    """One seed with the gate, and with one that passes everything."""
    robot = str(scenario.parameters.get("/**", {}).get("robot", "scout"))
    name = str(scenario.parameters.get("safety_gate", {}).get("rules", "default"))
    stack = Stack(scenario, seed)
    judge = StopJudge(stack.site, robot, load_rules(name, scenario.site, robot).file)
    stack.runner._taps.append(judge.tap)
    gated = stack.run(until_s)
    return Drive(seed, gated, UngatedStack(scenario, seed).run(until_s), tuple(judge.stops))
