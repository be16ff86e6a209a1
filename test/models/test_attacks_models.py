"""Every attack on the repository that the threat table names: refused by its name, and the robot keeps what it has."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import NOW, SCOUT, Site, accepts, weights
from tuf.api.metadata import Metadata, Snapshot, TargetFile, Targets, Timestamp

from physical_ai_core.models.client import ModelClient
from physical_ai_core.models.clock import Clock, moment
from physical_ai_core.models.errors import (
    ExpiredError,
    FetchError,
    ForeignError,
    MixedError,
    RolledBackError,
    TamperedError,
    UngatedError,
    UnsignedError,
    UpdateError,
)
from physical_ai_core.models.offer import Wanted, checked, numbers
from physical_ai_learning.release.keys import load_keys
from physical_ai_learning.release.repository import Policy, Repository
from physical_ai_world_model.ssm.shape import ARCHITECTURE


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A robot on which version 1 is active."""
    made = Site(tmp_path)
    made.begin()
    made.publish(weights(tmp_path, 0.001))
    made.install()
    made.slots.promote()
    return made


@pytest.fixture(autouse=True)
def the_old_model_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each attack the robot loads what was active before it."""
    made: Site | None = request.getfixturevalue("site") if "site" in request.fixturenames else None
    before = made.slots.chosen() if made else None
    yield
    if made:
        after = made.slots.chosen()
        assert after == before and after.version == 1 and not after.warning


def metadata(site: Site, name: str) -> Path:
    return site.stick / "metadata" / name


def newest(site: Site, role: str) -> Path:
    return max((site.stick / "metadata").glob(f"*.{role}.json"), key=lambda path: int(path.name.split(".")[0]))


def test_metadata_signed_by_nobody_or_by_others_is_refused(site: Site) -> None:
    site.publish(weights(site.folder, 0.002))
    path = metadata(site, "timestamp.json")
    genuine = path.read_bytes()
    said = json.loads(genuine)
    path.write_text(json.dumps({**said, "signatures": []}))
    with pytest.raises(UnsignedError):
        site.client().refresh()
    other = Site(site.folder / "other")
    other.begin()
    forged = Metadata[Timestamp].from_bytes(genuine)
    forged.sign(load_keys(other.folder / "keys", "timestamp")[0])
    path.write_bytes(forged.to_bytes())
    with pytest.raises(UnsignedError):
        site.client().refresh()
    path.write_bytes(genuine)
    site.client().refresh()


def test_another_repository_with_its_own_keys_is_refused(site: Site) -> None:
    other = Site(site.folder / "other")
    other.begin()
    other.publish(weights(site.folder, 0.002))
    with pytest.raises(UpdateError):
        site.client(source=str(other.stick)).refresh()
    with pytest.raises(UnsignedError, match="another root"):
        site.client().believe(metadata(other, "1.root.json").read_bytes())


def test_one_stolen_key_of_two_releases_nothing(tmp_path: Path) -> None:
    two = Site(tmp_path)
    two.begin(Policy(keys={"root": 1, "targets": 2, "snapshot": 1, "timestamp": 1}))
    two.publish(weights(tmp_path, 0.001))
    path = newest(two, "targets")
    said = json.loads(path.read_text())
    said["signatures"] = said["signatures"][:1]
    path.write_text(json.dumps(said))
    with pytest.raises(UpdateError):
        two.client().refresh()


def test_a_new_root_is_taken_only_when_the_old_one_signs_it(site: Site) -> None:
    from tuf.api.metadata import Root

    root = Metadata[Root].from_file(str(metadata(site, "1.root.json")))
    root.signed.version = 2
    for signer in load_keys(site.folder / "keys", "root"):
        root.sign(signer, append=True)
    good = root.to_bytes()
    root.signatures.clear()
    root.sign(load_keys(site.folder / "keys", "targets")[0])
    metadata(site, "2.root.json").write_bytes(root.to_bytes())
    with pytest.raises(UnsignedError):
        site.client().refresh()
    metadata(site, "2.root.json").write_bytes(good)
    site.client().refresh()
    metadata(site, "2.root.json").unlink()  # going back to the old root is not noticed by its absence: it is kept
    site.client().refresh()


def test_a_repository_that_goes_back_is_refused(site: Site) -> None:
    old = site.folder / "old"
    shutil.copytree(site.stick, old)
    site.publish(weights(site.folder, 0.002))
    site.client().refresh()
    with pytest.raises(RolledBackError):
        site.client(source=str(old)).refresh()


def test_going_back_is_refused_even_when_the_library_forgot(site: Site) -> None:
    """A power cut may empty the library's cache; what was seen is kept apart, forced to the disk."""
    old = site.folder / "old"
    shutil.copytree(site.stick, old)
    site.publish(weights(site.folder, 0.002))
    site.client().refresh()
    for path in (site.models / ".trust" / "metadata").glob("*.json"):
        path.unlink()
    with pytest.raises(RolledBackError, match="was seen before"):
        site.client(source=str(old)).refresh()


def test_a_frozen_repository_is_refused_when_its_timestamp_expires(site: Site) -> None:
    site.client(days=29).refresh()
    with pytest.raises(ExpiredError, match="timestamp"):
        site.client(days=31).refresh()
    site.repository(days=31).renew()
    site.client(days=31).refresh()


def test_a_repository_expired_by_every_clock_is_refused(tmp_path: Path) -> None:
    old = Site(tmp_path)
    root = old.repository(days=-400).begin()
    ModelClient(old.models, str(old.stick)).believe(root.read_bytes())
    with pytest.raises(ExpiredError):
        old.client().refresh()


def test_a_clock_set_back_makes_nothing_valid_again(site: Site) -> None:
    site.repository(days=200).renew()  # expires at day 230; issued at day 200
    with pytest.raises(ExpiredError, match="targets expired"):  # targets stand for 180 days from day 0
        site.client(days=0).refresh()
    assert site.client(days=-10_000).clock.now >= NOW + timedelta(days=200) - timedelta(seconds=1)
    assert site.client(days=-10_000).clock.wrong_by_s > 0


def test_a_clock_far_ahead_refuses_updates_and_forgets_it_again(site: Site) -> None:
    with pytest.raises(ExpiredError, match="set the clock"):
        site.client(days=4000).refresh()
    site.client(days=0).refresh()  # mended: nothing of the wrong time was remembered


@given(st.integers(-(10**6), 10**6), st.lists(st.integers(-(10**6), 10**6), max_size=5))
def test_the_believed_time_never_goes_back(system_s: int, issued: list[int]) -> None:
    clock = Clock(NOW + timedelta(seconds=system_s))
    for k in issued:
        raised = clock.raised(NOW + timedelta(seconds=k))
        assert raised.now >= clock.now and raised.now >= raised.system
        clock = raised


@pytest.mark.parametrize("text", ["", "never", None, "2026-99-01", "2026-01-01"])
def test_a_moment_is_read_or_the_epoch(text: str | None) -> None:
    assert moment(text).tzinfo is not None


def test_parts_of_two_states_are_refused(site: Site) -> None:
    first = {role: newest(site, role).read_bytes() for role in ("snapshot", "targets")}
    site.publish(weights(site.folder, 0.002))
    for role in ("snapshot", "targets"):
        path = newest(site, role)
        genuine = path.read_bytes()
        path.write_bytes(first[role])
        with pytest.raises((MixedError, TamperedError, RolledBackError)):
            site.client().refresh()
        path.write_bytes(genuine)
    site.client().refresh()


@pytest.mark.parametrize("wanted, match", [
    (Wanted("heron", ARCHITECTURE, "0.1.0"), "robots of type scout"),
    (Wanted("scout", "selective-zoh-people-2", "0.1.0"), "architecture"),
    (Wanted("scout", ARCHITECTURE, "0.0.9"), "software 0.1.0"),
])  # fmt: skip
def test_a_model_for_another_robot_is_refused_before_it_is_fetched(site: Site, wanted: Wanted, match: str) -> None:
    site.publish(weights(site.folder, 0.002))
    shutil.rmtree(site.stick / "targets")
    with pytest.raises(ForeignError, match=match):
        site.install(wanted=wanted)


@pytest.mark.parametrize("change", ["flip", "shorten", "lengthen", "empty"])
def test_changed_bytes_are_refused(site: Site, change: str) -> None:
    offer = site.publish(weights(site.folder, 0.002))
    path = site.stick / "targets" / "people" / "2" / f"{offer.sha256}.weights"
    content = path.read_bytes()
    flipped = content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]
    path.write_bytes({"flip": flipped, "shorten": content[:-1], "lengthen": content + b"x", "empty": b""}[change])
    with pytest.raises(TamperedError):
        site.install()
    path.write_bytes(weights(site.folder, 0.002))
    site.install()  # what was wrong was not kept
    shutil.rmtree(site.models / "people" / "b")


def sign_targets(site: Site, change: Callable[[Targets], None]) -> None:
    """A publisher's key misused: whatever targets says is signed properly."""
    repository = site.repository()
    targets, version, days = repository._newest()
    change(targets)
    targets.version += 1
    repository._state(targets, version + 1, days)


@pytest.mark.parametrize("name", [
    "../../etc/passwd", "/etc/passwd", "people/2/../../weights", "people/02/weights", "people/2/weights.sh",
    "people//weights", "people/2/weights\n", "PEOPLE/2/weights", "people\\2\\weights",
])  # fmt: skip
def test_names_that_lead_elsewhere_are_refused_though_signed(site: Site, name: str) -> None:
    sign_targets(site, lambda targets: targets.targets.update({name: TargetFile.from_data("x", b"evil", ["sha256"])}))
    client = site.client()
    client.refresh()
    with pytest.raises(MixedError, match="no model's"):
        client.install("people", SCOUT, lambda folder: None)


@given(st.text(max_size=40))
def test_only_a_models_path_is_one(name: str) -> None:
    try:
        path = checked(name)
    except MixedError:
        return
    assert ".." not in path and not path.startswith("/") and path.count("/") == 2


def test_weights_without_the_gates_acceptance_are_refused_though_signed(site: Site) -> None:
    offer = site.publish(weights(site.folder, 0.002))
    refusing = accepts(weights(site.folder, 0.002), accepted=False)
    path = site.stick / "targets" / "people" / "2"

    def other_decision(targets: Targets) -> None:
        target = TargetFile.from_data(offer.decision, refusing, ["sha256"])
        targets.targets[offer.decision] = target
        (path / f"{target.hashes['sha256']}.decision.json").write_bytes(refusing)

    sign_targets(site, other_decision)
    with pytest.raises(UngatedError):
        site.install()
    sign_targets(site, lambda targets: targets.targets.pop(offer.decision) and None)
    with pytest.raises(UngatedError, match="no decision"):
        site.install()


@pytest.mark.parametrize("file", ["timestamp.json", "snapshot", "targets"])
@settings(max_examples=6, deadline=None)
@given(share=st.floats(0.0, 1.0), data=st.binary(min_size=0, max_size=4))
def test_metadata_cut_or_overwritten_anywhere_is_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, file: str, share: float, data: bytes
) -> None:
    made = Site(tmp_path_factory.mktemp("cut"))
    made.begin()
    path = metadata(made, file) if file.endswith(".json") else newest(made, file)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * (len(content) - 1))] + data)
    with pytest.raises(UpdateError):
        made.client().refresh()


@pytest.mark.parametrize("gone", ["timestamp.json", "snapshot", "targets", "all"])
def test_a_stick_that_lacks_a_part_is_told(site: Site, gone: str) -> None:
    site.publish(weights(site.folder, 0.002))
    if gone == "all":
        shutil.rmtree(site.stick / "metadata")
    else:
        (metadata(site, gone) if gone.endswith(".json") else newest(site, gone)).unlink()
    with pytest.raises(FetchError):
        site.client().refresh()


def test_a_robot_that_trusts_nobody_takes_nothing(tmp_path: Path) -> None:
    Repository(tmp_path / "stick", tmp_path / "keys").begin()
    client = ModelClient(tmp_path / "robot", str(tmp_path / "stick"))
    with pytest.raises(UnsignedError, match="no root"):
        client.refresh()
    with pytest.raises(UnsignedError):
        client.believe(b"{}")


class Cutting(SimpleHTTPRequestHandler):
    """A web server that knows ranges and closes after `most` bytes of a target, as often as `cuts` says."""

    cuts, most, asked, knows_ranges = 0, 0, [], True  # type: ignore[var-annotated]

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        content, begin = path.read_bytes(), 0
        span = self.headers.get("Range")
        if span and self.knows_ranges:
            begin = int(span.removeprefix("bytes=").rstrip("-"))
            type(self).asked.append(begin)
        if begin >= len(content) and span:
            return self.send_error(416)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        part = content[begin:]
        if self.path.endswith(".weights") and self.cuts:
            type(self).cuts -= 1
            part = part[: self.most]
        self.wfile.write(part)
        return None

    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def served(site: Site) -> Iterator[str]:
    Cutting.cuts, Cutting.most, Cutting.asked, Cutting.knows_ranges = 0, 0, [], True
    handler: Callable[..., BaseHTTPRequestHandler] = partial(Cutting, directory=str(site.stick))
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_an_interrupted_download_goes_on(site: Site, served: str, knows_ranges: bool) -> None:
    site.publish(weights(site.folder, 0.002))
    Cutting.cuts, Cutting.most, Cutting.knows_ranges = 2, 200_000, knows_ranges
    for _ in range(2):
        with pytest.raises(FetchError):
            site.install(source=served)
    client = site.install(source=served)
    if knows_ranges:
        assert Cutting.asked == [200_000, 400_000]
        assert client.resumed_bytes == 400_000
    assert site.slots.card("b").version == 2
    assert not list((site.models / ".trust" / "parts").iterdir())


def test_a_kept_part_of_other_bytes_does_not_stay(site: Site, served: str) -> None:
    offer = site.publish(weights(site.folder, 0.002))
    parts = site.models / ".trust" / "parts"
    parts.mkdir(exist_ok=True)
    (parts / f"{offer.sha256}.weights.part").write_bytes(b"evil" * 100)
    with pytest.raises(TamperedError):
        site.install(source=served)
    assert not list(parts.glob("*.part"))
    site.install(source=served)


def test_nobody_there_is_told(site: Site) -> None:
    with pytest.raises(FetchError):
        site.client(source="http://127.0.0.1:9").refresh()
    with pytest.raises(FetchError):
        site.client(source=str(site.folder / "nowhere")).refresh()


def test_a_stick_that_is_only_read_works(site: Site) -> None:
    site.publish(weights(site.folder, 0.002))
    before = sorted((path, path.stat().st_mtime_ns) for path in site.stick.rglob("*"))
    for path in site.stick.rglob("*"):
        os.chmod(path, 0o555 if path.is_dir() else 0o444)
    site.install()
    assert before == sorted((path, path.stat().st_mtime_ns) for path in site.stick.rglob("*"))
    for path in site.stick.rglob("*"):
        os.chmod(path, 0o755 if path.is_dir() else 0o644)


def test_versions_compare_by_their_numbers() -> None:
    assert numbers("0.10.0") > numbers("0.9.9") and numbers("1.0.0+local.9") == numbers("1.0.0")


def test_the_snapshot_binds_the_targets(site: Site) -> None:
    snapshot = Metadata[Snapshot].from_file(str(newest(site, "snapshot"))).signed
    assert snapshot.meta["targets.json"].hashes
