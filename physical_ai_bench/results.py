"""Results of runs: one CSV line each, appended as they end, so that an interrupted set goes on where it stopped.

A result is a frozen dataclass of int, float, bool and str fields, with `key` (what tells runs apart) and `setup`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Hashable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from physical_ai_core.errors import InputError

PARSERS: Final[dict[str, Callable[[str], object]]] = {
    "int": int, "float": float, "bool": lambda text: bool(int(text)), "str": str,
}  # fmt: skip


class Result(Protocol):
    """What a run must tell: `setup` is the fingerprint of robot, rules and parameters."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> Hashable: ...

    @property
    def setup(self) -> str: ...


R = TypeVar("R", bound=Result)


def header_of(kind: type[R]) -> list[str]:
    return [field.name for field in fields(kind)]


def line_of(result: Result) -> str:
    """As a CSV line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(_plain(value) for value in asdict(result).values())
    return text.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return f"{value:.4f}" if isinstance(value, float) else value


def _parse(kind: type[R], row: Mapping[str, str]) -> R:
    return kind(**{field.name: PARSERS[str(field.type)](row[field.name]) for field in fields(kind)})


def read_results(file: Path, kind: type[R], what: str) -> dict[Hashable, R]:
    """Whole lines of a results file by key; a last line cut by an interruption is left out.

    `what`: the benchmark's name, for the message. Raises InputError when the file is something else.
    """
    if not file.exists():
        return {}
    text = file.read_text(encoding="utf-8")
    if not text:
        return {}
    whole = text[: text.rfind("\n") + 1]
    rows = csv.DictReader(io.StringIO(whole))
    if rows.fieldnames != header_of(kind):
        raise InputError(f"{file} is no file of {what} results.", "Name another file with --out, or delete it.")
    try:
        results = [_parse(kind, row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} holds a line that is no {what} result ({error}).", "Name another file with --out, or delete it."
        ) from error
    return {result.key: result for result in results}


class ResultFile(Generic[R]):
    """Appends to a results file. Raises InputError when what it holds was made with another setup."""

    def __init__(self, file: Path, setup: str, kind: type[R], what: str) -> None:
        self.done: dict[Hashable, R] = read_results(file, kind, what)
        others = {result.setup for result in self.done.values()} - {setup}
        if others:
            raise InputError(
                f"{file} was made with another robot, other rules or parameters ({sorted(others)}, now {setup}).",
                "Name another file with --out, or delete it.",
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes() if file.exists() else b""
        file.write_bytes(content[: content.rfind(b"\n") + 1] or (",".join(header_of(kind)) + "\n").encode())
        self._file = file

    def add(self, result: R) -> None:
        """Keep a result, on the disk at once."""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(line_of(result))
        self.done[result.key] = result
