"""The security policy is the graph table and nothing more: who is not named there can neither say nor hear it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from physical_ai_cli.security import dds_has_security, lacking
from physical_ai_core import graph
from physical_ai_core.ros.enclaves import MACHINE, MOVING, OPERATOR, dds_said, grants, permissions, policy

ALL = grants()
INTRUDER = """
import rclpy
from geometry_msgs.msg import TwistStamped
rclpy.init(args=["--ros-args", "--enclave", ENCLAVE])
rclpy.create_node(ENCLAVE[1:]).create_publisher(TwistStamped, "cmd_vel", 1)
"""


def test_every_node_of_a_robot_has_an_enclave_and_so_have_the_person_and_the_machine() -> None:
    assert set(ALL) == {f"/{node.name}" for node in graph.NODES if node.robot} | {f"/{OPERATOR}", f"/{MACHINE}"}


@pytest.mark.parametrize("simulated", [False, True])
@pytest.mark.parametrize("namespace", ["", "fleet/r1"])
def test_only_the_gate_may_say_what_moves_the_robot(namespace: str, simulated: bool) -> None:
    root = f"/{namespace}" if namespace else ""
    allowed = grants(namespace, simulated)
    for topic in MOVING:
        assert [path for path, one in allowed.items() if f"{root}/{topic}" in one.says] == [f"{root}/safety_gate"]
    assert not any("*" in name for one in allowed.values() for names in one[1:] for name in names)


def test_a_node_says_and_hears_its_topics_of_the_table_and_no_other_of_them() -> None:
    known = {topic.name if topic.name.startswith("/") else f"/{topic.name}" for topic in graph.TOPICS}
    for node in graph.NODES:
        if node.robot:
            one = ALL[f"/{node.name}"]
            assert set(one.says) & known == {f"/{topic.name.lstrip('/')}" for topic in graph.said_by(node.name)}
            heard = {f"/{topic.name.lstrip('/')}" for topic in graph.heard_by(node.name)}
            assert set(one.hears) == heard if node.name != "telemetry" else heard <= set(one.hears) <= known


def test_what_the_gate_hears_from_outside_somebody_outside_may_say() -> None:
    outside = {*ALL[f"/{OPERATOR}"].says, *ALL[f"/{MACHINE}"].says}
    silent = [topic.name for topic in graph.heard_by("safety_gate") if not set(topic.says) - {"simulator"}]
    assert {f"/{name}" for name in silent} <= outside
    assert "/emergency_stop" in ALL[f"/{OPERATOR}"].says and "/emergency_stop" in ALL[f"/{MACHINE}"].says


def test_only_a_person_calls_the_gates_services_and_only_the_supervisor_changes_states() -> None:
    assert [path for path, one in ALL.items() if "/safety/reset" in one.calls] == [f"/{OPERATOR}"]
    assert [path for path, one in ALL.items() if "/planner/change_state" in one.calls] == ["/supervisor"]


def test_the_truth_of_the_simulator_is_no_sense_of_the_machine() -> None:
    assert not any("ground_truth" in name or name == "/clock" for name in ALL[f"/{MACHINE}"].says)


def test_the_files_say_the_same_as_the_grants_and_deny_the_rest() -> None:
    tree = Xml.fromstring(policy(ALL))
    for enclave in tree.iter("enclave"):
        one = ALL[enclave.attrib["path"]]
        said = [topic.text for group in enclave.iter("topics") if "publish" in group.attrib for topic in group]
        assert said == list(one.says)
    for path, one in ALL.items():
        grant = Xml.fromstring(permissions(path, one, 7)).find("permissions/grant")
        assert grant is not None and grant.findtext("default") == "DENY"
        assert grant.findtext("subject_name") == f"CN={path}"
        assert [topic.text for topic in grant.findall("allow_rule/publish/topics/topic")] == dds_said(one)
        assert (grant.findtext("allow_rule/domains/id_range/min"), "rt/cmd_vel" in dds_said(one)) == (
            "7", path == "/safety_gate",
        )  # fmt: skip


@pytest.mark.graph
def test_a_node_that_is_not_the_gate_cannot_open_cmd_vel(tmp_path: Path) -> None:
    """Runs where Fast DDS has its security plug-ins and sros2 is installed: apt's ROS, not the wheels of PyPI."""
    prefixes = [Path(p) for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    if not dds_has_security(prefixes):
        pytest.skip("this Fast DDS was built without security: no node can be started in an enclave")
    if lacking():
        pytest.skip(lacking())
    subprocess.run(
        [sys.executable, "-m", "physical_ai_cli", "security", "--out", str(tmp_path)], check=True, timeout=120
    )
    env = {
        **os.environ, "ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce",
        "ROS_SECURITY_KEYSTORE": str(tmp_path / "keystore"), "ROS_DOMAIN_ID": "0",
    }  # fmt: skip
    codes = {
        enclave: subprocess.run(
            [sys.executable, "-c", INTRUDER.replace("ENCLAVE", repr(enclave))], env=env, timeout=60
        ).returncode
        for enclave in ("/safety_gate", "/planner")
    }
    assert codes["/safety_gate"] == 0 and codes["/planner"] != 0
