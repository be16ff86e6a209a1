"""What a compact file says of itself: magic, version, lengths, hash and header, and what is wrong where it is not so.

    0   6  magic  PAICMP
    6   2  version
    8   4  bytes of the header
    12  4  bytes of the payload
    16  32 sha256 of everything else
    48     header: JSON, deflated;  then the payload

Numbers are little-endian. The hash is of the file, not of who made it: what is signed is the matter of the update.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import Any, Final

from physical_ai_core.errors import ModelError

MAGIC: Final = b"PAICMP"
VERSION: Final = 1
FIXED: Final = struct.Struct("<6sHII32s")
MOST_HEADER: Final = 1 << 24
MEND: Final = "Restore the file, or make it anew from the full-precision weights."


class TruncatedModelError(ModelError):
    """The file ends before what it says it holds."""


class TamperedModelError(ModelError):
    """What the file holds is not what was written: hash, lengths or contents contradict each other."""


class ForeignModelError(ModelError):
    """The file is no compact model, of another version, or of another robot's architecture."""


def wrapped(header: dict[str, Any], payload: bytes) -> bytes:
    """The file's bytes."""
    said = zlib.compress(json.dumps(header, sort_keys=True, separators=(",", ":")).encode(), 9)
    front = FIXED.pack(MAGIC, VERSION, len(said), len(payload), bytes(32))
    return FIXED.pack(MAGIC, VERSION, len(said), len(payload), _digest(front, said, payload)) + said + payload


def is_compact(content: bytes) -> bool:
    """Whether the bytes begin as a compact file does."""
    return content[: len(MAGIC)] == MAGIC


def unwrapped(content: bytes, name: str) -> tuple[dict[str, Any], bytes]:
    """Header and payload; `name` is for the words of TruncatedModelError, TamperedModelError, ForeignModelError."""
    if not is_compact(content):
        if MAGIC.startswith(content):
            raise TruncatedModelError(f"{name} ends after {len(content)} bytes.", MEND)
        raise ForeignModelError(f"{name} is no compact model: it begins with {content[:8]!r}.", "Name another file.")
    if len(content) < FIXED.size:
        raise TruncatedModelError(f"{name} ends after {len(content)} bytes, within its first {FIXED.size}.", MEND)
    _, version, header_size, payload_size, digest = FIXED.unpack_from(content)
    if version != VERSION:
        raise ForeignModelError(
            f"{name} is of version {version} of the compact form, this reads {VERSION}.",
            "Install the release that wrote it, or make the file anew.",
        )
    said, payload = content[FIXED.size : FIXED.size + header_size], content[FIXED.size + header_size :]
    if len(content) < FIXED.size + header_size + payload_size:
        wanted = FIXED.size + header_size + payload_size
        raise TruncatedModelError(f"{name} ends after {len(content)} of {wanted} bytes.", MEND)
    front = FIXED.pack(MAGIC, VERSION, header_size, payload_size, bytes(32))
    if len(payload) != payload_size or _digest(front, said, payload) != digest:
        raise TamperedModelError(
            f"{name} is not what was written: its hash does not fit its {len(content)} bytes.", MEND
        )
    try:
        inflate = zlib.decompressobj()
        header = json.loads(inflate.decompress(said, MOST_HEADER))
        if not isinstance(header, dict):
            raise ValueError("its header is no mapping")
    except (zlib.error, ValueError) as error:
        raise TamperedModelError(f"{name} has no readable header: {error}.", MEND) from error
    return header, payload


def _digest(front: bytes, said: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(front + said + payload).digest()
