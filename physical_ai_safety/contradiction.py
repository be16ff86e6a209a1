"""One contradiction between two sides of what is to hold."""

from __future__ import annotations

from typing import NamedTuple


class Conflict(NamedTuple):
    """`first` and `second` cannot both hold, `why`; `mend` says what the author can do."""

    first: str
    second: str
    why: str
    mend: str
