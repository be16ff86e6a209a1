"""A real robot's recording: the local filter ends where the peer's does, and two runs are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.highlevel import AnyReader

from physical_ai_core import graph
from physical_ai_core.core import Output
from physical_ai_core.parameters import load
from physical_ai_core.ros.decode import decode
from physical_ai_core.share import share_path
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters

BAG = Path(__file__).parents[1] / "data/husky/test1.bag"
CONFIG = yaml.safe_load(share_path("config/replay/husky_test1.yaml").read_text(encoding="utf-8"))

Recording = list[tuple[float, str, object]]


@pytest.fixture(scope="module")
def recording() -> Recording:
    """(stamp, topic, payload) in stamp order."""
    found = []
    with AnyReader([BAG]) as reader:
        for connection, _, raw in reader.messages():
            topic = CONFIG["topics"][connection.topic]
            data = decode(graph.TOPIC[topic].data, reader.deserialize(raw, connection.msgtype))
            found.append((data.stamp_s, topic, data))
    return sorted(found, key=lambda entry: entry[:2])


def play(recording: Recording, seconds: float, tick_s: float) -> tuple[PerceptionCore, list[Output]]:
    core = PerceptionCore(load(PerceptionParameters, CONFIG["parameters"]["perception"]))
    first, said = recording[0][0], []
    next_s = first
    for stamp_s, topic, data in recording:
        if stamp_s > first + seconds:
            break
        while next_s <= stamp_s:
            said.extend(core.tick(next_s))
            next_s += tick_s
        said.extend(core.handle(topic, data, stamp_s))
    return core, said


def test_the_same_inputs_as_the_peer_end_within_its_own_tolerance(recording: Recording) -> None:
    core, said = play([entry for entry in recording if entry[1] != "gps/fix"], 1e3, 0.1)
    odometry = [output.data for output in said if output.topic == "state/odometry"]
    reference = CONFIG["reference"]
    away = np.linalg.norm(odometry[-1].position_m - np.array(reference["position_m"]))
    assert away < reference["tolerance_m"]
    steps = np.linalg.norm(np.diff([o.position_m for o in odometry], axis=0), axis=1)
    assert steps.max() < 0.2
    assert sum(core.guard.source(topic).refused_total for topic in CONFIG["topics"].values()) == 0


def test_the_map_follows_gnss_once_the_track_has_shown_the_heading(recording: Recording) -> None:
    core, said = play(recording, 60.0, 0.1)
    assert core.localisation.global_ is not None
    pose = [output.data for output in said if output.topic == "state/map_to_odom"][-1]
    assert np.sqrt(pose.cov[0, 0] + pose.cov[1, 1]) < 1.5


def test_two_replays_are_the_same_to_the_last_bit(recording: Recording) -> None:
    first, second = (play(recording, 20.0, 0.02)[1] for _ in range(2))
    assert len(first) == len(second) > 1000
    for a, b in zip(first, second, strict=True):
        assert a.topic == b.topic
        assert a.data.position_m.tobytes() == b.data.position_m.tobytes()
        assert a.data.orientation_xyzw.tobytes() == b.data.orientation_xyzw.tobytes()
