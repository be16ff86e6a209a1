"""New keys for a role: robots that trust an old root follow, and what the old keys sign is worth nothing any more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("tuf", reason="extra `update`")

from kit import Site, weights
from tuf.api.metadata import Metadata, Timestamp
from typer.testing import CliRunner

from physical_ai_cli.main import app
from physical_ai_core.errors import InputError
from physical_ai_core.models.errors import UnsignedError
from physical_ai_learning.release.keys import ROLES, load_keys


@pytest.fixture
def site(tmp_path: Path) -> Site:
    one = Site(tmp_path)
    one.begin()
    one.publish(weights(tmp_path, 0.001))
    one.install()
    return one


@pytest.mark.parametrize("role", ROLES)
def test_a_robot_with_the_old_root_follows_and_installs(site: Site, role: str) -> None:
    roots = sorted(path.name for path in (site.stick / "metadata").glob("*.root.json"))
    made = site.repository().rotate(role)
    assert roots == ["1.root.json"] and made.name == "2.root.json"
    offer = site.publish(weights(site.folder, 0.002))
    site.install()
    waiting = site.slots.candidate()
    assert waiting is not None and site.slots.card(waiting[0]).sha256 == offer.sha256


def test_a_robot_that_slept_through_several_rotations_follows_from_root_to_root(site: Site) -> None:
    for role in ("root", "targets", "root", "timestamp"):
        site.repository().rotate(role)
    offer = site.publish(weights(site.folder, 0.003))
    site.install()
    waiting = site.slots.candidate()
    assert waiting is not None and site.slots.card(waiting[0]).sha256 == offer.sha256


def test_what_the_old_key_signs_is_refused_after_the_rotation(site: Site) -> None:
    (stolen,) = load_keys(site.folder / "keys", "timestamp")
    site.repository().rotate("timestamp")
    site.client().refresh()
    path = site.stick / "metadata" / "timestamp.json"
    forged = Metadata[Timestamp].from_file(str(path))
    forged.signed.version += 1
    forged.sign(stolen)
    path.write_bytes(forged.to_bytes())
    with pytest.raises(UnsignedError):
        site.client().refresh()


def test_too_few_root_keys_change_nothing(site: Site) -> None:
    shutil.move(site.folder / "keys" / "root_2.pem", site.folder / "drawer.pem")
    before = {path: path.read_bytes() for path in site.folder.rglob("*") if path.is_file()}
    with pytest.raises(UnsignedError, match="1 keys of the role root"):
        site.repository().rotate("targets")
    with pytest.raises(InputError, match="no role 'admin'"):
        site.repository().rotate("admin")
    after = {path: path.read_bytes() for path in site.folder.rglob("*") if path.is_file()}
    assert {path.name for path in after.keys() ^ before.keys()} <= {".lock"}
    assert all(after[path] == content for path, content in before.items())


def test_the_command_says_which_root_came_of_it(site: Site) -> None:
    command = ["models", "rotate-key", str(site.stick), "targets", "--keys", str(site.folder / "keys"), "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and "2.root.json" in done.output
    site.client().refresh()
