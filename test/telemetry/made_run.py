"""A made-up run through the yard: events as the graph would say them, and the bag a recorder makes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.serialization import serialize_message

from physical_ai_core import graph, layouts
from physical_ai_core import messages as m
from physical_ai_core.geometry import quaternion_of_yaw
from physical_ai_core.goal import GoalState, PlaceTarget, Step, Task
from physical_ai_core.reports import ControllerStatus, Intervention, PlannerReply, Verdict
from physical_ai_core.ros.encode import encode
from physical_ai_telemetry.parameters import TelemetryParameters
from physical_ai_telemetry.recorder import Recorder, RecorderStatus
from physical_ai_telemetry.split import RecordedTopic

START_S = 100.0
GOAL_ID = "goal-1"
CORNERS = np.array([[2.5, 4.0], [8.0, 4.5], [13.5, 10.0], [18.0, 13.5], [21.0, 16.8]])
STOP_AT_S, STOP_FOR_S = 12.0, 3.0


def odometry(t: float, xy: Any, yaw: float, speed: float, frame: str) -> m.Odometry:
    position = np.array([xy[0], xy[1], 0.0])
    return m.Odometry(t, frame, "base_link", position, quaternion_of_yaw(yaw), np.array([speed, 0.0, 0.0]), np.zeros(3))


def events(seconds: float = 26.0) -> Iterator[tuple[str, Any, float]]:
    """(topic, payload, stamp): a drive to the shelves at 1 m/s with one protective stop for a person."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(CORNERS, axis=0).T))])
    goal = GoalState(goal_id=GOAL_ID, steps=(Step(task=Task.NAVIGATE, target=PlaceTarget(name="shelves")),))
    yield "state/map_to_odom", m.Pose(START_S, "map", np.array([2.5, 4.0, 0.0]), quaternion_of_yaw(0.0)), START_S
    yield "instruction", m.Text("棚の前まで行って"), START_S + 0.5
    yield "goal_state", goal, START_S + 0.6
    yield (
        "planner/reply",
        PlannerReply(START_S + 0.6, "understood", "Going to the shelves.", "棚へ向かいます。", goal_id=GOAL_ID),
        START_S + 0.6,
    )
    plan = np.column_stack([CORNERS, np.zeros(len(CORNERS))])
    yield "plan", m.Path(START_S + 0.7, "map", plan), START_S + 0.7
    rng = np.random.default_rng(1)
    driven, arrived = 0.0, False
    for k in range(1, int(seconds * 50)):
        t = START_S + 0.02 * k
        since = t - START_S
        stopped = STOP_AT_S <= since < STOP_AT_S + STOP_FOR_S
        speed = 0.0 if stopped or since < 1.0 or driven >= lengths[-1] else 1.2
        driven = min(driven + 0.02 * speed, lengths[-1])
        xy = np.array([np.interp(driven, lengths, CORNERS[:, 0]), np.interp(driven, lengths, CORNERS[:, 1])])
        piece = min(int(np.searchsorted(lengths, driven, side="right")), len(CORNERS) - 1)
        yaw = float(np.arctan2(*(CORNERS[piece] - CORNERS[piece - 1])[::-1]))
        yield "ground_truth/odometry", odometry(t, xy, yaw, speed, "map"), t
        noisy = xy - CORNERS[0] + rng.normal(0.0, 0.02, 2)
        yield "state/odometry", odometry(t, noisy, yaw, speed, "odom"), t
        if k % 3 == 0:
            yield "ground_truth/people", people(t, since), t
            state, why = "clear", []
            if stopped:
                state, why = "protective_stop", [Intervention("obstacle", "stop distance", {"free_m": 0.3})]
            elif STOP_AT_S - 1.0 <= since < STOP_AT_S:
                state, why = "limited", [Intervention("person", "approach", {"distance_m": 2.0})]
            words = ("Someone is in the way.", "人が進路上にいます。") if why else ("", "")
            yield "safety/verdict", Verdict(t, state, "autonomy", [1.2, 0.0], [speed, 0.0], why, *words), t
        if k % 10 == 0:
            beat = m.Status(0, "controller", "ok", {"active": "true"})
            yield "heartbeat", m.Diagnostics(t, (beat,)), t
        if driven >= lengths[-1] and not arrived:
            arrived = True
            yield "controller/status", ControllerStatus(t, "arrived", GOAL_ID), t
            yield "planner/reply", PlannerReply(t, "done", "I am there.", "着きました。", goal_id=GOAL_ID), t
    yield "ground_truth/events", m.Text(json.dumps({"kind": "bump", "with": "person 3"})), START_S + seconds


def people(t: float, since: float) -> m.Objects:
    rows = layouts.empty(layouts.OBJECT, 4)
    rows["id"] = np.arange(4)
    rows["x"] = [15.0 + 0.8 * since, 29.0 - 0.7 * since, 20.0, 24.0 + np.sin(since / 3.0)]
    rows["y"] = [4.0 + 0.3 * since, 13.0, 3.0 + 0.5 * since, 8.0 + np.cos(since / 3.0)]
    rows["radius"] = 0.3
    return m.Objects(t, "map", rows)


def recorded(topic: str, namespace: str = "") -> RecordedTopic:
    spec = graph.TOPIC[topic]
    name = topic if topic.startswith("/") else f"{namespace}/{topic}"
    return RecordedTopic(name, spec.ros_type, spec.qos)


def serialized(topic: str, data: Any) -> bytes:
    return bytes(serialize_message(encode(graph.TOPIC[topic].ros_type, data)))


def write_bag(root: Path, run: Any, namespace: str = "", **settings: Any) -> tuple[Path, RecorderStatus]:
    """Record events into `root`/run as the node would."""
    recorder = Recorder(TelemetryParameters(output_folder=str(root), bag="run", **settings))
    recorder.start()
    for topic, data, stamp_s in run:
        recorder.write(recorded(topic, namespace), round(stamp_s * 1e9), serialized(topic, data))
    recorder.stop()
    return root / "run", recorder.status()


def wait_until(condition: Any, seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())
