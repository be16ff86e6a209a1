"""What the recorder says of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RecorderStatus:
    """`state`: off, recording, incidents (only those are kept), failed. `dropped`: heard but not written, of which
    `refused` found the queue full, `unwritten` the disk, and `lost` the middleware. `incidents`: files begun.
    """

    state: str = "off"
    folder: str = ""
    messages: int = 0
    megabytes: float = 0.0
    dropped: int = 0
    files: int = 0
    deleted: int = 0
    error: str = ""
    refused: int = 0
    unwritten: int = 0
    lost: int = 0
    incidents: int = 0
    incident: str = ""  # folder of the one that is being written
