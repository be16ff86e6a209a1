"""The telemetry node over real DDS: nothing is dropped, a namespace is kept, SIGKILL costs nothing that was flushed."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from made_run import wait_until

from physical_ai_telemetry.bag import open_bag
from physical_ai_telemetry.metadata import splits
from physical_ai_telemetry.recover import is_finished, recover

HERE = Path(__file__).parent
NAMESPACE = "/robot1"
CONFIGURE, ACTIVATE = 1, 3
DRIVE = """
import sys, rclpy
from lifecycle_msgs.srv import ChangeState
rclpy.init()
node = rclpy.create_node("driver")
client = node.create_client(ChangeState, sys.argv[1])
assert client.wait_for_service(30.0), "no telemetry node"
for transition in map(int, sys.argv[2:]):
    request = ChangeState.Request()
    request.transition.id = transition
    future = client.call_async(request)
    rclpy.spin_until_future_complete(node, future, timeout_sec=30.0)
    assert future.result() is not None and future.result().success, transition
"""


def run(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.graph
def test_the_whole_graph_is_recorded_through_a_kill_and_a_restart(
    tmp_path: Path, spawn, ros_env: dict[str, str]
) -> None:  # type: ignore[no-untyped-def]
    bag = tmp_path / "run"
    spoken: dict[str, int] = {}

    def session(end: signal.Signals) -> None:
        node = spawn(
            "physical_ai_telemetry.node", "--ros-args", "-r", f"__ns:={NAMESPACE}",
            "-p", f"output_folder:={tmp_path}", "-p", "bag:=run",
        )  # fmt: skip
        run(ros_env, "-c", DRIVE, f"{NAMESPACE}/telemetry/change_state", str(CONFIGURE), str(ACTIVATE))
        out = run(ros_env, str(HERE / "traffic.py"), "2.0", "0.5", "--ros-args", "-r", f"__ns:={NAMESPACE}")
        for topic, count in json.loads(out.splitlines()[-1]).items():
            spoken[topic] = spoken.get(topic, 0) + count
        node.send_signal(end)
        node.wait(20.0)

    session(signal.SIGKILL)
    assert not is_finished(splits(bag)[-1])
    assert recover(bag).recovered == ("run_0.mcap",)
    session(signal.SIGINT)
    assert wait_until(lambda: all(is_finished(path) for path in splits(bag)))
    assert [path.name for path in splits(bag)] == ["run_0.mcap", "run_1.mcap"]
    with open_bag(bag, namespace=NAMESPACE) as recording:
        for topic, count in spoken.items():
            found = recording.count(topic)
            own = topic in ("heartbeat", "/diagnostics")  # the node says these too
            assert found > count if own else found == count, (topic, found, count)
        kpis = [
            status
            for event in recording.events(["/diagnostics"])
            for status in event.data.statuses
            if status.name == "telemetry: kpi"
        ]
    assert kpis and float(kpis[-1].values["distance_m"]) >= 0.0


@pytest.mark.graph
def test_a_person_who_drives_is_kept_as_an_incident_though_nothing_is_recorded_and_the_metrics_port_is_taken(
    tmp_path: Path, spawn, ros_env: dict[str, str]
) -> None:  # type: ignore[no-untyped-def]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        node = spawn(
            "physical_ai_telemetry.node", "--ros-args", "-p", f"output_folder:={tmp_path}", "-p", "record:=false",
            "-p", f"metrics_port:={taken.getsockname()[1]}",
        )  # fmt: skip
        run(ros_env, "-c", DRIVE, "telemetry/change_state", str(CONFIGURE), str(ACTIVATE))
        run(ros_env, str(HERE / "traffic.py"), "3.0", "0.5")  # speaks on cmd_vel_teleop too
        node.send_signal(signal.SIGINT)
        node.wait(20.0)
    (folder,) = (tmp_path / "incidents").iterdir()
    story = json.loads((folder / "incident.json").read_text(encoding="utf-8"))
    assert story["end_s"] - story["begin_s"] >= 40.0, "stamps of another clock do not move the window"
    assert story["state"] == "finished" and "teleop" in {cause["rule"] for cause in story["causes"]}
    with open_bag(folder) as recording:
        assert recording.count("scan") > 0 and recording.count("goal_state") > 0
        said = [
            status.message
            for event in recording.events(["/diagnostics"])
            for status in event.data.statuses
            if status.name == "telemetry: recorder"
        ]
    assert any("metrics_port" in text for text in said), "a taken port is told, and stops nothing"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["incidents"]
