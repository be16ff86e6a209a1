"""The middleware is told of its room in shared memory, and a person's own profiles are left alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from physical_ai_cli.environment import ros_environment
from physical_ai_core.middleware import VARIABLES, middleware_environment

NAMESPACE = "{http://www.eprosima.com}"


@pytest.mark.parametrize(("distro", "name"), [({}, 0), ({"ROS_DISTRO": "jazzy"}, 0), ({"ROS_DISTRO": "humble"}, 1)])
def test_every_process_gets_the_profiles_of_the_suite(distro: dict[str, str], name: int) -> None:
    env = ros_environment({"HOME": "/", **distro})
    assert Path(env[VARIABLES[name]]).is_file() and VARIABLES[1 - name] not in env  # the old name warns where it is old


@pytest.mark.parametrize("name", VARIABLES)
def test_profiles_of_a_person_stand_alone(name: str) -> None:
    assert middleware_environment({name: "/etc/robot/dds.xml"}) == {}
    env = ros_environment({name: "/etc/robot/dds.xml"})
    assert [env.get(one) for one in VARIABLES if one != name] == [None] and env[name] == "/etc/robot/dds.xml"


def test_the_default_profile_uses_only_transports_that_it_describes_and_gives_room() -> None:
    root = ET.parse(middleware_environment({})[VARIABLES[0]]).getroot()
    described = {one.findtext(f"{NAMESPACE}transport_id"): one for one in root.iter(f"{NAMESPACE}transport_descriptor")}
    (participant,) = root.iter(f"{NAMESPACE}participant")
    (used,) = participant.iter(f"{NAMESPACE}userTransports")
    assert participant.get("is_default_profile") == "true"
    assert {one.text for one in used} == set(described)
    shared = next(one for one in described.values() if one.findtext(f"{NAMESPACE}type") == "SHM")
    assert int(shared.findtext(f"{NAMESPACE}segment_size") or 0) >= 32 << 20
