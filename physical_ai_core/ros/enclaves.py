"""SROS2: what each node may say and hear, out of the graph table; everything else is denied.

An enclave a node, and two for who is outside of the table: `operator`, a person's console, and `machine`, the drivers
of sensors and base. Only `safety_gate` may say what moves the robot. Sources: design.ros2.org, "ROS 2 Access Control
Policies" (form 0.2.0) and "Topic and Service name mapping to DDS"; OMG DDS Security (permissions document). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from xml.etree import ElementTree as Xml

from physical_ai_core import graph

MACHINE: Final = "machine"
OPERATOR: Final = "operator"
MOVING: Final = ("cmd_vel", "tool", "implements", "safety/hardware_stop")  # what acts on the machine
GATE_SERVICES: Final = ("safety/reset", "safety/approve", "safety/takeover", "safety/hand_back")
LIFECYCLE: Final = (
    "change_state", "get_state", "get_available_states", "get_available_transitions", "get_transition_graph",
)  # fmt: skip
PARAMETERS: Final = (
    "describe_parameters", "get_parameter_types", "get_parameters", "list_parameters", "set_parameters",
    "set_parameters_atomically", "get_type_description",
)  # fmt: skip
EVERY_NODE_SAYS: Final = ("/rosout", "/parameter_events")
# Said besides the table's topics, for rviz and TF.
SHOWN: Final = {
    "safety_gate": ("safety/markers",), "perception": ("state/objects_markers", "/tf"),
    "world_model": ("world_model/markers",),
}  # fmt: skip
BY_OPERATOR: Final = (
    "map", "initialpose", "instruction", "goal_pose", "cmd_vel_teleop", "implements_nav", "emergency_stop",
    "deadman", "safety/request", "safety/answer", "safety/driver",
)  # fmt: skip
BY_MACHINE: Final = ("points", "bumper", "lifted", "emergency_stop", "site/state")
HEARD_BY_OPERATOR: Final = (
    "safety/people", "safety/verdict", "planner/reply", "goal_state", "heartbeat", "/diagnostics",
)  # fmt: skip
NEVER_BEFORE, NEVER_AFTER = "2020-01-01T00:00:00", "2037-12-31T23:59:59"


class Grant(NamedTuple):
    """What one enclave may do, by full ROS names. `answers`: services it offers; `calls`: services it uses."""

    node: str
    says: tuple[str, ...]
    hears: tuple[str, ...]
    answers: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


def grants(namespace: str = "", simulated: bool = False) -> dict[str, Grant]:
    """Enclave path -> what it may do. `simulated`: the simulator stands in for the machine and says the time."""
    root = f"/{namespace.strip('/')}" if namespace.strip("/") else ""
    found = [_node(node, simulated) for node in graph.NODES if node.robot or simulated]
    found.append(_operator())
    if not simulated:
        found.append(_machine())
    return {f"{root}/{one.node}": _full(one, root) for one in found}


def _node(node: graph.Node, simulated: bool) -> Grant:
    says = [topic.name for topic in graph.said_by(node.name)]
    hears = [topic.name for topic in graph.heard_by(node.name)]
    if node.name == "telemetry":  # it records; a reader can move nothing
        hears += [topic.name for topic in graph.TOPICS if topic.recorded]
    if simulated and node.name != "simulator":
        hears.append("/clock")
    answers = [f"{node.name}/{name}" for name in PARAMETERS]
    calls: list[str] = []
    if node.name != "simulator":
        says.append(f"{node.name}/transition_event")
        answers += [f"{node.name}/{name}" for name in LIFECYCLE]
    if node.name == "safety_gate":
        answers += GATE_SERVICES
    if node.name == "supervisor":
        calls += [f"{one.name}/{name}" for one in graph.NODES if one.managed for name in ("get_state", "change_state")]
    says += [*SHOWN.get(node.name, ()), *EVERY_NODE_SAYS]
    return Grant(node.name, tuple(says), tuple(hears), tuple(answers), tuple(calls))


def _operator() -> Grant:
    return Grant(OPERATOR, (*BY_OPERATOR, *EVERY_NODE_SAYS), HEARD_BY_OPERATOR, (), GATE_SERVICES)


def _machine() -> Grant:
    """What the simulator says for the robot's own senses, without the truth that only a simulator knows."""
    senses = [
        topic.name for topic in graph.said_by("simulator")
        if not topic.name.startswith("ground_truth/") and topic.name not in ("/clock", "heartbeat")
    ]  # fmt: skip
    return Grant(MACHINE, (*senses, *BY_MACHINE, *EVERY_NODE_SAYS), MOVING)


def _full(one: Grant, root: str) -> Grant:
    def names(given: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({name if name.startswith("/") else f"{root}/{name}" for name in given}))

    return Grant(one.node, names(one.says), names(one.hears), names(one.answers), names(one.calls))


def policy(allowed: dict[str, Grant]) -> str:
    """One policy file for `ros2 security generate_artifacts`, which makes keys and signed permissions of it."""
    root = Xml.Element("policy", version="0.2.0")
    enclaves = Xml.SubElement(root, "enclaves")
    for path, one in allowed.items():
        enclave = Xml.SubElement(enclaves, "enclave", path=path)
        profiles = Xml.SubElement(enclave, "profiles")
        profile = Xml.SubElement(profiles, "profile", ns=path.rpartition("/")[0] or "/", node=one.node)
        for kind, verb, names in (
            ("topic", "publish", one.says), ("topic", "subscribe", one.hears),
            ("service", "reply", one.answers), ("service", "request", one.calls),
        ):  # fmt: skip
            if names:
                group = Xml.SubElement(profile, f"{kind}s", {verb: "ALLOW"})
                for name in names:
                    Xml.SubElement(group, kind).text = name
    return _written(root)


def permissions(path: str, one: Grant, domain: int = 0) -> str:
    """The same for one enclave as DDS Security wants it, before it is signed: deny what is not named."""
    root = Xml.Element("dds")
    grant = Xml.SubElement(Xml.SubElement(root, "permissions"), "grant", name=path)
    Xml.SubElement(grant, "subject_name").text = f"CN={path}"
    validity = Xml.SubElement(grant, "validity")
    Xml.SubElement(validity, "not_before").text = NEVER_BEFORE
    Xml.SubElement(validity, "not_after").text = NEVER_AFTER
    rule = Xml.SubElement(grant, "allow_rule")
    Xml.SubElement(Xml.SubElement(Xml.SubElement(rule, "domains"), "id_range"), "min").text = str(domain)
    Xml.SubElement(rule[0][0], "max").text = str(domain)
    for verb, names in (("publish", dds_said(one)), ("subscribe", dds_heard(one))):
        topics = Xml.SubElement(Xml.SubElement(rule, verb), "topics")
        for name in names:
            Xml.SubElement(topics, "topic").text = name
    Xml.SubElement(grant, "default").text = "DENY"
    return _written(root)


def dds_said(one: Grant) -> list[str]:
    """DDS topics that the enclave writes: a service is a pair of them, one for each direction."""
    return [
        "ros_discovery_info", *(f"rt{name}" for name in one.says), *(f"rr{name}Reply" for name in one.answers),
        *(f"rq{name}Request" for name in one.calls),
    ]  # fmt: skip


def dds_heard(one: Grant) -> list[str]:
    return [
        "ros_discovery_info", *(f"rt{name}" for name in one.hears), *(f"rq{name}Request" for name in one.answers),
        *(f"rr{name}Reply" for name in one.calls),
    ]  # fmt: skip


def _written(root: Xml.Element) -> str:
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"
