"""The robot's side of the signed repository: what it says is believed only after The Update Framework's whole check.

`tuf.ngclient` does the work (spec: theupdateframework.io): thresholds of signatures, root by root; versions that never
go back; hashes of each part in the next; expiry. Beside it stand a record of the newest versions seen, forced to the
disk (the library's own cache is not, and power may go), and the clock of `clock.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from physical_ai_core.errors import DependencyError
from physical_ai_core.models.clock import ISSUED, Clock, moment
from physical_ai_core.models.disk import Disk, alone
from physical_ai_core.models.errors import (
    ExpiredError,
    FetchError,
    MixedError,
    RolledBackError,
    TamperedError,
    UngatedError,
    UnsignedError,
)
from physical_ai_core.models.offer import CUSTOM, GATE, Offer, Wanted, offers_of
from physical_ai_core.models.slots import Card, Slots

try:
    from tuf.api import exceptions as tuf_errors
    from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp
    from tuf.ngclient import Updater

    from physical_ai_core.models.fetch import ResumingFetcher, base_url
except ImportError as missing:
    raise DependencyError("tuf", "update") from missing

ROLES: Final = ("root", "timestamp", "snapshot", "targets")
TRUST, FIRST_ROOT, SEEN, CACHE, PARTS = ".trust", "root.json", "seen.json", "metadata", "parts"
Log = Callable[[str], None]


class ModelClient:
    """One repository, as one robot trusts it. `root`: how its models folder keeps what it trusts."""

    def __init__(self, root: Path, source: str, system: datetime | None = None, disk: Disk | None = None) -> None:
        """`source`: a folder or an HTTP address; `system`: the clock's reading, for tests."""
        self.trust = root / TRUST
        self._root, self._url, self._disk = root, base_url(source), disk or Disk()
        self._fetcher = ResumingFetcher(self.trust / PARTS)
        self.clock = Clock(system or datetime.now(timezone.utc), moment(self._seen().get("issued")))
        self._updater: Updater | None = None
        self._targets: dict[str, TargetFile] = {}

    @property
    def resumed_bytes(self) -> int:
        """How much of what was fetched had come before."""
        return self._fetcher.resumed_bytes

    def believe(self, first_root: bytes) -> None:
        """Take the root that a person brought, once; another one later is refused. Raises UnsignedError."""
        path = self.trust / FIRST_ROOT
        try:
            Metadata[Root].from_bytes(first_root).verify_delegate("root", Metadata[Root].from_bytes(first_root))
        except (tuf_errors.RepositoryError, ValueError) as error:
            raise UnsignedError(
                f"This is no signed root: {error}.", "Take root.json from who keeps the keys."
            ) from error
        if path.is_file() and path.read_bytes() != first_root:
            raise UnsignedError(
                "This robot trusts another root already.",
                f"New keys come signed by the old ones. To begin anew, a person removes {self.trust}.",
            )
        self._disk.replace(path, first_root)

    def refresh(self) -> None:
        """Fetch and check root, timestamp, snapshot and targets.

        Raises UnsignedError, ExpiredError, RolledBackError, MixedError, TamperedError, FetchError.
        """
        first = self.trust / FIRST_ROOT
        if not first.is_file():
            raise UnsignedError("This robot trusts no root yet.", "Give one: physical-ai models install --root FILE.")
        cache = self.trust / CACHE
        self._disk.make(cache)
        with alone(self.trust), self._told():
            self._updater = Updater(
                str(cache), f"{self._url}/metadata/", str(self.trust / PARTS), f"{self._url}/targets/",
                self._fetcher, bootstrap=first.read_bytes(),
            )  # fmt: skip
            self._updater.refresh()
            kept = {
                "root": Metadata[Root].from_bytes((cache / "root.json").read_bytes()).signed,
                "timestamp": Metadata[Timestamp].from_bytes((cache / "timestamp.json").read_bytes()).signed,
                "snapshot": Metadata[Snapshot].from_bytes((cache / "snapshot.json").read_bytes()).signed,
            }
            targets = Metadata[Targets].from_bytes((cache / "targets.json").read_bytes()).signed
            kept["targets"] = targets
            self._judge(kept)
        self._targets = targets.targets

    def offers(self, name: str) -> list[Offer]:
        """Every version of a model that the checked repository has, oldest first."""
        return offers_of(
            {
                path: (target.hashes.get("sha256", ""), target.length, target.unrecognized_fields.get(CUSTOM))
                for path, target in self._targets.items()
            },
            name,
        )

    def offer(self, name: str, version: int | None = None) -> Offer:
        """The newest, or the one named. Raises FetchError."""
        found = [one for one in self.offers(name) if version in (None, one.version)]
        if not found:
            wanted = f"'{name}'" if version is None else f"'{name}' version {version}"
            raise FetchError(f"The repository has no model {wanted}.", "physical-ai models verify lists what it has.")
        return found[-1]

    def fetch(self, offer: Offer) -> tuple[bytes, bytes]:
        """Weights and the gate's decision, checked. An interrupted fetch goes on where it was.

        Raises TamperedError, FetchError, UngatedError.
        """
        decision_at = self._targets.get(offer.decision)
        if decision_at is None:
            raise UngatedError(f"The repository has no decision of the gate about {offer.weights}.", GATE)
        decision = self._bytes(decision_at)
        offer.refuse_ungated(decision, decision_at.hashes.get("sha256", ""))
        return self._bytes(self._targets[offer.weights]), decision

    def install(self, name: str, wanted: Wanted, check: Callable[[Path], None], version: int | None = None) -> Card:
        """Fetch, check and put into the slot that is not active. `check` loads it as the robot would, or raises."""
        offer = self.offer(name, version)
        offer.refuse_foreign(wanted)
        weights, decision = self.fetch(offer)
        card = Card(name, offer.version, offer.sha256, offer.about.architecture, offer.about.decision_sha256)
        slots = Slots(name, self._root, self._disk)
        slot = slots.fill(weights, card, check)
        slots.note(f"decision_{slot}.json", json.loads(decision))
        self._fetcher.forget()
        return card

    # --- inside ---

    def _bytes(self, target: TargetFile) -> bytes:
        if self._updater is None:
            raise FetchError("The repository was not checked yet.", "Call refresh first.")
        path = self.trust / PARTS / "whole"
        self._disk.make(path.parent)
        with self._told():
            self._updater.download_target(target, str(path))
        content = path.read_bytes()
        path.unlink()
        self._fetcher.forget(target.hashes["sha256"])
        return content

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The library's errors by what they mean here."""
        try:
            yield
        except tuf_errors.UnsignedMetadataError as error:
            raise UnsignedError(
                f"Too few good signatures: {error}.", "Use the repository whose keys are trusted."
            ) from error
        except tuf_errors.ExpiredMetadataError as error:
            raise self._expired(str(error)) from error
        except tuf_errors.BadVersionNumberError as error:
            raise RolledBackError(f"The repository goes back, or mixes its states: {error}.", NEWER) from error
        except (tuf_errors.LengthOrHashMismatchError, tuf_errors.DownloadLengthMismatchError) as error:
            self._fetcher.forget()
            raise TamperedError(
                f"Bytes are not those that were signed: {error}.", "Fetch them from elsewhere."
            ) from error
        except tuf_errors.DownloadError as error:
            raise FetchError(f"{error}.", "Bring the stick, or wait for the network: what came is kept.") from error
        except (tuf_errors.RepositoryError, ValueError) as error:
            raise MixedError(f"The repository contradicts itself: {error}.", NEWER) from error

    def _expired(self, what: str) -> ExpiredError:
        return ExpiredError(
            f"{what}; it is {self.clock.now:%Y-%m-%d %H:%M} UTC by this robot.",
            "Bring a repository with a fresh timestamp (physical-ai models renew), or set the clock if it is wrong.",
        )

    def _judge(self, kept: dict[str, Any]) -> None:
        """Versions against those ever seen, expiry by the believed time; then remember both."""
        seen = self._seen()
        for role in ROLES:
            if kept[role].version < int(seen.get(role, 0)):
                raise RolledBackError(
                    f"The repository's {role} is version {kept[role].version}, {seen[role]} was seen before.", NEWER
                )
        self.clock = self.clock.raised(moment(kept["timestamp"].unrecognized_fields.get(ISSUED)))
        said = {role: kept[role].version for role in ROLES}
        self._disk.replace(self.trust / SEEN, json.dumps({**said, "issued": self.clock.floor.isoformat()}).encode())
        os.sync()  # the library's own files, too
        for role in ROLES:
            if kept[role].is_expired(self.clock.now):
                raise self._expired(f"{role} expired at {kept[role].expires:%Y-%m-%d %H:%M} UTC")

    def _seen(self) -> dict[str, Any]:
        try:
            said = json.loads((self.trust / SEEN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}


NEWER: Final = "Use the newest repository; if it is, those who keep it must publish again."
