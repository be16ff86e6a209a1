"""The site and robot readers: what comes with the package loads; what contradicts itself is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from physical_ai_core.errors import SiteError
from physical_ai_core.robot import RobotError, load_robot
from physical_ai_core.share import share_path
from physical_ai_core.site import Site, ZoneKind, load_site

YARD = yaml.safe_load((share_path("config/sites") / "yard.yaml").read_text(encoding="utf-8"))


def broken(tmp_path: Path, change: dict[str, object]) -> str:
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump({**YARD, **change}, allow_unicode=True), encoding="utf-8")
    return str(path)


def test_the_yard_names_its_places_in_both_languages() -> None:
    site = load_site("yard")
    for place in site.places.values():
        assert place.names["en"]
        assert place.names["ja"]
    assert site.zones_of(ZoneKind.KEEP_OUT)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start": "nowhere"}, "nowhere"),
        ({"routes": {"r": {"places": ["gate", "moon"]}}}, "moon"),
        ({"zones": {"z": {"kind": "speed", "polygon": [[0, 0], [1, 0], [1, 1]]}}}, "max_speed_mps"),
        ({"zones": {"z": {"kind": "keep_out", "polygon": [[0, 0], [2, 2], [2, 0], [0, 2]]}}}, "crosses itself"),
        ({"zones": {"z": {"kind": "keep_out", "polygon": [[0, 0], [9, 0], [9, 9], [0, 9]]}}}, "charger"),
        ({"structures": {"s": {"pose": {"x_m": 1, "y_m": 1}}}}, "either"),
        ({"schema_version": 7}, "7"),
        ({"palces": {}}, "palces"),
    ],
)
def test_a_site_that_contradicts_itself_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(SiteError, match=words):
        load_site(broken(tmp_path, change))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: [", b"42", b""])
def test_a_file_that_is_no_site_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(content)
    with pytest.raises(SiteError, match=r"site\.yaml"):
        load_site(str(path))


def test_an_unknown_site_is_refused_with_those_that_exist() -> None:
    with pytest.raises(SiteError, match="yard"):
        load_site("atlantis")


def test_structures_have_counter_clockwise_outlines() -> None:
    site: Site = load_site("yard")
    for structure in site.structures.values():
        xy = structure.outline()
        following = np.roll(xy, -1, axis=0)
        assert np.sum(xy[:, 0] * following[:, 1] - following[:, 0] * xy[:, 1]) > 0.0


def test_the_mounts_of_the_robot_come_from_its_urdf() -> None:
    robot = load_robot("scout")
    assert np.allclose(robot.mount("lidar").planar(), [0.15, 0.0, 0.0])
    assert robot.radius_m == pytest.approx(np.hypot(0.25, 0.21))
    with pytest.raises(RobotError, match="sonar"):
        robot.mount("sonar")


def test_a_chain_of_fixed_joints_is_followed(tmp_path: Path) -> None:
    (tmp_path / "r.urdf").write_text(
        '<robot name="r"><joint name="a" type="fixed"><parent link="base_link"/><child link="mast"/>'
        '<origin xyz="1 0 0" rpy="0 0 1.5707963267948966"/></joint><joint name="b" type="fixed">'
        '<parent link="mast"/><child link="eye"/><origin xyz="1 0 0"/></joint></robot>'
    )
    (tmp_path / "r.yaml").write_text("name: r\nurdf: r.urdf\nfootprint: [[1, 1], [-1, 1], [-1, -1]]\n")
    assert np.allclose(load_robot(str(tmp_path / "r.yaml")).mount("eye").planar(), [1.0, 1.0, np.pi / 2])


@pytest.mark.parametrize("content", ["", "name: r", "urdf: missing.urdf\nname: r\nfootprint: [[1,1],[-1,1],[-1,-1]]"])
def test_a_robot_file_that_cannot_be_used_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(content)
    with pytest.raises(RobotError):
        load_robot(str(path))
