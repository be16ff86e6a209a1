"""From an empty folder to a model that the robot loads: publish, verify, install, promote, roll back."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit import NOW, SCOUT, Site, accepts, weights

from physical_ai_core.errors import InputError, ModelError
from physical_ai_core.models.errors import RolledBackError, SlotError, UngatedError, UnsignedError
from physical_ai_core.models.slots import PACKAGE, Slots, models_folder
from physical_ai_learning.release.repository import Policy, Repository
from physical_ai_world_model.core import WorldModelCore
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.ssm.weights import default_folder, load


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.begin()
    return made


def core_of(site: Site) -> WorldModelCore:
    return WorldModelCore(WorldModelParameters(people_model="installed", models_folder=str(site.models)))


def test_a_published_model_is_loaded_after_promotion_and_not_before(site: Site) -> None:
    offer = site.publish(weights(site.folder, 0.001))
    site.install()
    shipped = load(default_folder()).sha256
    assert core_of(site).people.sha256 == shipped  # installed is not promoted
    assert site.slots.promote().sha256 == offer.sha256
    core = core_of(site)
    assert core.people.sha256 == offer.sha256
    assert core.health().values["people_model"] == f"installed {offer.sha256[:12]}"
    site.slots.roll_back("a test")
    assert core_of(site).people.sha256 == shipped


def test_the_second_update_rolls_back_to_the_first(site: Site) -> None:
    first = site.publish(weights(site.folder, 0.001))
    site.install()
    site.slots.promote()
    second = site.publish(weights(site.folder, 0.002))
    site.install()
    assert core_of(site).people.sha256 == first.sha256
    site.slots.promote()
    assert core_of(site).people.sha256 == second.sha256
    site.slots.roll_back("worse")
    assert core_of(site).people.sha256 == first.sha256
    with pytest.raises(RolledBackError, match="rolled back on this robot"):
        site.install()
    assert core_of(site).people.sha256 == first.sha256


def test_an_older_version_does_not_come_after_a_newer(site: Site) -> None:
    site.publish(weights(site.folder, 0.001))
    site.publish(weights(site.folder, 0.002))
    client = site.install()
    site.slots.promote()
    with pytest.raises(RolledBackError, match="older than 2"):
        client.install("people", SCOUT, lambda folder: None, version=1)


def test_what_cannot_be_loaded_fills_no_slot(site: Site) -> None:
    site.publish(b"no weights at all")
    client = site.client()
    client.refresh()

    def check(folder: Path) -> None:
        load(folder / "weights")

    with pytest.raises(ModelError, match="no safetensors"):
        client.install("people", SCOUT, check)
    assert site.slots.candidate() is None
    with pytest.raises(SlotError):
        site.slots.promote()


def test_a_damaged_slot_leaves_the_packaged_weights_and_says_so(site: Site) -> None:
    site.publish(weights(site.folder, 0.001))
    site.install()
    site.slots.promote()
    path = site.models / "people" / "a" / "weights"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    core = core_of(site)
    assert core.people.sha256 == load(default_folder()).sha256
    assert core.people.speaks
    health = core.health()
    assert "damaged" in core.people.warning and "同梱モデル" in core.people.warning
    assert health.values["people_model"].startswith("package")


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b'{"active": "../../etc"}', b'{"active": "a", "odd": 1}', b"\xff"])
def test_a_damaged_pointer_leaves_the_packaged_weights(site: Site, said: bytes) -> None:
    site.slots.folder.mkdir(parents=True)
    (site.slots.folder / "active.json").write_bytes(said)
    chosen = site.slots.chosen()
    assert chosen.folder is None and "active.json" in chosen.warning


def test_nothing_is_published_without_an_accepting_decision(site: Site) -> None:
    content = weights(site.folder, 0.001)
    said = ("people", ["scout"], "any", "0.1.0")
    for decision in (accepts(content, accepted=False), accepts(b"others"), accepts(content, "own_motion"), b"{}"):
        with pytest.raises(UngatedError):
            site.repository().publish(content, decision, *said)
    assert not (site.stick / "targets").exists()


def test_the_package_cannot_be_rolled_back_and_names_are_names(site: Site) -> None:
    with pytest.raises(SlotError, match="nothing to roll back"):
        site.slots.roll_back("x")
    assert site.slots.pointer().active == PACKAGE
    for name in ("../people", "", "a/b", "A", "."):
        with pytest.raises(InputError):
            Slots(name, site.models)


def test_too_few_keys_publish_nothing(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.begin(Policy(keys={"root": 1, "targets": 2, "snapshot": 1, "timestamp": 1}))
    (tmp_path / "keys" / "targets_2.pem").unlink()
    before = (site.stick / "metadata" / "timestamp.json").read_bytes()
    with pytest.raises(UnsignedError, match="1 keys of the role targets"):
        site.publish(weights(tmp_path, 0.001))
    assert (site.stick / "metadata" / "timestamp.json").read_bytes() == before
    site.client().refresh()


def test_a_second_repository_or_key_is_not_made_over_the_first(site: Site) -> None:
    with pytest.raises(InputError, match="already"):
        Repository(site.stick, site.folder / "other").begin()
    with pytest.raises(InputError, match="keys"):
        Repository(site.folder / "other", site.folder / "keys", NOW).begin()
    with pytest.raises(InputError, match="Thresholds"):
        Repository(site.folder / "b", site.folder / "k").begin(Policy(thresholds={"root": 3}))


def test_models_lie_where_one_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHYSICAL_AI_MODELS", str(tmp_path))
    assert models_folder() == tmp_path
    assert models_folder("/x") == Path("/x")
    monkeypatch.delenv("PHYSICAL_AI_MODELS")
    assert models_folder().parts[-2:] == ("physical_ai", "models")
