"""Keys of the four roles, ed25519, one PEM file each; the root's belong on a stick in a drawer, not on a server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from physical_ai_core.errors import DependencyError, InputError

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner
except ImportError as missing:
    raise DependencyError("securesystemslib", "update") from missing

ROLES: Final = ("root", "targets", "snapshot", "timestamp")
MODE: Final = 0o600


def make_keys(folder: Path, counts: Mapping[str, int]) -> None:
    """`ROLE_1.pem` … for each role. Raises InputError where keys lie already."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob("*.pem")):
        raise InputError(f"There are keys in {folder} already.", "Name an empty folder; keys are never overwritten.")
    for role in ROLES:
        for number in range(1, counts.get(role, 1) + 1):
            _make(folder / f"{role}_{number}.pem")


def add_keys(folder: Path, role: str, count: int) -> list[CryptoSigner]:
    """New keys of a role, numbered after those that lie here; → the new ones alone."""
    taken = [int(path.stem.rpartition("_")[2]) for path in folder.glob(f"{role}_*.pem")]
    first = max(taken, default=0) + 1
    return [_make(folder / f"{role}_{number}.pem") for number in range(first, first + count)]


def _make(path: Path) -> CryptoSigner:
    signer = CryptoSigner.generate_ed25519()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(handle, "wb") as file:
        file.write(signer.private_bytes)
        file.flush()
        os.fsync(file.fileno())
    return signer


def load_keys(folder: Path, role: str) -> list[CryptoSigner]:
    """The keys of a role that lie here; perhaps none. Raises InputError."""
    found = []
    for path in sorted(folder.glob(f"{role}_*.pem")):
        try:
            found.append(CryptoSigner(load_pem_private_key(path.read_bytes(), None)))
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise InputError(f"The key {path} cannot be read: {error}.", "Restore it from its copy.") from error
    return found
