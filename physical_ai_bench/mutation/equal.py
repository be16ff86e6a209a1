"""Faults of the gate's files that no test can notice, each with the reason: they are not tried, and not counted."""

from __future__ import annotations

from typing import Final

from physical_ai_bench.mutation.campaign import Equal

EQUAL: Final[dict[str, tuple[Equal, ...]]] = {}
