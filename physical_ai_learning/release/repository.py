"""The signed repository of models: a plain folder, to be copied to a stick or served by any web server.

    metadata/{N.root,N.targets,N.snapshot,timestamp}.json     targets/NAME/VERSION/HASH.{weights,decision.json}

What is new is written beside what is old, the timestamp last: whoever reads meanwhile, or after an interruption, finds
one whole state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final, TypeVar

from physical_ai_core.errors import DependencyError, InputError
from physical_ai_core.models.clock import ISSUED
from physical_ai_core.models.disk import Disk, alone
from physical_ai_core.models.errors import UngatedError, UnsignedError
from physical_ai_core.models.offer import CUSTOM, About, Offer, offers_of, target_of
from physical_ai_learning.release.keys import ROLES, add_keys, load_keys, make_keys

try:
    from securesystemslib.signer import CryptoSigner
    from tuf.api.exceptions import RepositoryError
    from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
    from tuf.api.serialization.json import JSONSerializer
except ImportError as missing:
    raise DependencyError("tuf", "update") from missing

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)
DAYS: Final[Mapping[str, int]] = {"root": 365, "targets": 180, "snapshot": 60, "timestamp": 30}


@dataclass(frozen=True)
class Policy:
    """Keys a role, how many of them must sign, and for how many days a signature stands."""

    keys: Mapping[str, int] = field(default_factory=lambda: {"root": 2, "targets": 1, "snapshot": 1, "timestamp": 1})
    thresholds: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=lambda: dict(DAYS))

    def threshold(self, role: str) -> int:
        return self.thresholds.get(role, self.keys.get(role, 1))


class Repository:
    """A repository and the folder of its keys."""

    def __init__(self, folder: Path, keys: Path, now: datetime | None = None, disk: Disk | None = None) -> None:
        self.folder, self._keys, self._disk = folder, keys, disk or Disk()
        self._now = (now or datetime.now(timezone.utc)).replace(microsecond=0)

    def begin(self, policy: Policy | None = None) -> Path:
        """Make keys and an empty repository; → the root that robots are to trust. Raises InputError."""
        policy = policy or Policy()
        if (self.folder / "metadata").exists():
            raise InputError(f"There is a repository in {self.folder} already.", "Name an empty folder.")
        for role in ROLES:
            if not 1 <= policy.threshold(role) <= policy.keys.get(role, 1):
                raise InputError(
                    f"{policy.threshold(role)} of {policy.keys.get(role, 1)} keys cannot sign as {role}.",
                    "Thresholds run from 1 to the number of keys.",
                )
        make_keys(self._keys, policy.keys)
        root = Root(version=1, expires=self._until("root", policy.days), consistent_snapshot=True)
        for role in ROLES:
            for signer in load_keys(self._keys, role):
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = policy.threshold(role)
        root.unrecognized_fields["x-physical-ai-days"] = dict(policy.days)
        first = self._write(Metadata(root), "root", "1.root.json", root)
        self._state(Targets(version=1, expires=self._until("targets", policy.days)), 1, policy.days)
        return first

    def publish(
        self, weights: bytes, decision: bytes, name: str, robots: Sequence[str], architecture: str,
        minimum_software: str,
    ) -> Offer:  # fmt: skip
        """Add the next version of a model. Raises UngatedError where the decision does not accept these very weights;
        there is no way around it."""
        digest = hashlib.sha256(weights).hexdigest()
        about = About(tuple(robots), architecture, minimum_software, hashlib.sha256(decision).hexdigest())
        with alone(self.folder):
            targets, version, days = self._newest()
            said = {path: (t.hashes["sha256"], t.length, t.unrecognized_fields.get(CUSTOM))
                    for path, t in targets.targets.items()}  # fmt: skip
            known = offers_of(said, name)
            number = known[-1].version + 1 if known else 1
            offer = Offer(name, number, digest, len(weights), about)
            offer.refuse_ungated(decision, about.decision_sha256)
            if any(one.sha256 == digest for one in known):
                raise InputError(f"These weights are published already, as '{name}'.", "Publish others.")
            for path, content, custom in (
                (offer.weights, weights, about.data()),
                (target_of(name, number, "decision.json"), decision, {}),
            ):
                targets.targets[path] = self._add(path, content, custom)
            targets.version += 1
            targets.expires = self._until("targets", days)
            self._state(targets, version + 1, days)
        return offer

    def renew(self) -> None:
        """Sign snapshot and timestamp anew, so that robots go on to believe that this is the newest there is."""
        with alone(self.folder):
            targets, version, days = self._newest()
            self._state(targets, version + 1, days, anew=False)

    def rotate(self, role: str) -> Path:
        """Replace all keys of a role by new ones: the next root, signed by the old root keys and the new; → that root.

        Robots follow from root to root, so the old ones stay in the repository. Raises InputError, UnsignedError where
        too few keys lie here; then no root is written.
        """
        if role not in ROLES:
            raise InputError(f"There is no role '{role}'.", f"Name one of {', '.join(ROLES)}.")
        with alone(self.folder):
            targets, version, days = self._newest()
            old, new = self._root(), self._root()
            signers = load_keys(self._keys, "root")
            self._enough(old, "root", signers)
            for other in ("targets", "snapshot", "timestamp") if role != "root" else ():
                self._enough(old, other, load_keys(self._keys, other))
            for keyid in list(new.roles[role].keyids):
                new.revoke_key(keyid, role)
            made = add_keys(self._keys, role, len(old.roles[role].keyids))
            for signer in made:
                new.add_key(signer.public_key, role)
            new.version, new.expires = old.version + 1, self._until("root", days)
            signed = Metadata(new)
            known = {*old.roles["root"].keyids, *new.roles["root"].keyids}
            for signer in signers + (made if role == "root" else []):
                if signer.public_key.keyid in known:
                    signed.sign(signer, append=True)
            path = self.folder / "metadata" / f"{new.version}.root.json"
            self._disk.replace(path, signed.to_bytes(JSONSerializer(compact=False)))
            if role != "root":
                targets.version += role == "targets"
                targets.expires = self._until("targets", days) if role == "targets" else targets.expires
                self._state(targets, version + 1, days, anew=role == "targets")
        return path

    def _enough(self, root: Root, role: str, signers: Sequence[CryptoSigner]) -> None:
        found = {signer.public_key.keyid for signer in signers} & set(root.roles[role].keyids)
        if len(found) < root.roles[role].threshold:
            raise UnsignedError(
                f"{len(found)} keys of the role {role} are in {self._keys}, {root.roles[role].threshold} must sign.",
                "Bring the other keys together here.",
            )

    def _state(self, targets: Targets, version: int, days: Mapping[str, int], anew: bool = True) -> None:
        """Write targets, snapshot and timestamp, in this order."""
        root = self._root()
        name = f"{targets.version}.targets.json"
        if anew:
            self._write(Metadata(targets), "targets", name, root)
        snapshot = Snapshot(version=version, expires=self._until("snapshot", days))
        snapshot.meta["targets.json"] = self._meta(targets.version, name)
        self._write(Metadata(snapshot), "snapshot", f"{version}.snapshot.json", root)
        timestamp = Timestamp(version=version, expires=self._until("timestamp", days))
        timestamp.snapshot_meta = self._meta(version, f"{version}.snapshot.json")
        timestamp.unrecognized_fields[ISSUED] = self._now.isoformat()
        self._write(Metadata(timestamp), "timestamp", "timestamp.json", root)

    def _add(self, path: str, content: bytes, custom: Mapping[str, Any]) -> TargetFile:
        target = TargetFile.from_data(path, content, ["sha256"])
        target.unrecognized_fields[CUSTOM] = dict(custom)
        folder, _, file = path.rpartition("/")
        self._disk.replace(self.folder / "targets" / folder / f"{target.hashes['sha256']}.{file}", content)
        return target

    def _write(self, metadata: Metadata[T], role: str, file: str, root: Root) -> Path:
        """Sign with the keys that lie here, and refuse what too few of them signed: robots would."""
        keys = load_keys(self._keys, role)
        metadata.signatures.clear()
        for signer in keys:
            if signer.public_key.keyid in root.roles[role].keyids:
                metadata.sign(signer, append=True)
        self._enough(root, role, keys)
        path = self.folder / "metadata" / file
        self._disk.replace(path, metadata.to_bytes(JSONSerializer(compact=False)))
        return path

    def _newest(self) -> tuple[Targets, int, Mapping[str, int]]:
        """Targets, version of the state, and days of the policy. Raises InputError."""
        folder = self.folder / "metadata"
        try:
            timestamp = Metadata[Timestamp].from_bytes((folder / "timestamp.json").read_bytes()).signed
            version = timestamp.snapshot_meta.version
            snapshot = Metadata[Snapshot].from_bytes((folder / f"{version}.snapshot.json").read_bytes()).signed
            number = snapshot.meta["targets.json"].version
            targets = Metadata[Targets].from_bytes((folder / f"{number}.targets.json").read_bytes()).signed
            days = {**DAYS, **self._root().unrecognized_fields.get("x-physical-ai-days", {})}
        except (RepositoryError, OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} is no repository: {error}.", "physical-ai models init makes one.") from error
        return targets, version, days

    def _root(self) -> Root:
        versions = sorted(int(path.name.split(".")[0]) for path in (self.folder / "metadata").glob("*.root.json"))
        if not versions:
            raise InputError(f"{self.folder} is no repository.", "physical-ai models init makes one.")
        return Metadata[Root].from_bytes((self.folder / "metadata" / f"{versions[-1]}.root.json").read_bytes()).signed

    def _meta(self, version: int, file: str) -> MetaFile:
        content = (self.folder / "metadata" / file).read_bytes()
        return MetaFile(version, len(content), {"sha256": hashlib.sha256(content).hexdigest()})

    def _until(self, role: str, days: Mapping[str, int]) -> datetime:
        return self._now + timedelta(days=days.get(role, DAYS[role]))


def read_decision(path: Path) -> bytes:
    """The gate's decision. Raises UngatedError."""
    try:
        content = path.read_bytes()
        json.loads(content)
    except (OSError, ValueError) as error:
        raise UngatedError(
            f"The decision {path} cannot be read: {error}.", "Make one: physical-ai models judge."
        ) from error
    return content
