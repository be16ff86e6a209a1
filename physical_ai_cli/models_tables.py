"""What `physical-ai models` prints: tables, or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

console = Console()
HASH_DIGITS: Final = 64


def show(as_json: bool, title: str, rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> None:
    """A table, or JSON."""
    if as_json:
        print(json.dumps({title.replace(" ", "_"): rows}, indent=2, ensure_ascii=False))
        return
    if not rows:
        console.print(f"{title}: none")
        return
    table = Table(title=title)
    names = list(dict.fromkeys(key for row in rows for key in row))
    for key in names:
        table.add_column(key, overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(key, "")) for key in names))
    console.print(table)


def cell(value: Any) -> str:
    """For a table: of a hash its beginning; JSON has it whole."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:12] if len(text) == HASH_DIGITS and set(text) <= set("0123456789abcdef") else text
