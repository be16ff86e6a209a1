"""Bags to facts, each once: what is in is passed over, what is broken is named and passed over too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from physical_ai_core.errors import BagError, InputError, PhysicalAIError
from physical_ai_learning.fleet.engine import Engine
from physical_ai_learning.fleet.facts import Facts, facts_of
from physical_ai_learning.fleet.store import Store

FILES: Final = (".mcap", ".db3", ".bag")
Told = Callable[[float, float], None]


@dataclass
class Ingested:
    """What happened to the bags that were found. `broken`, `skipped`: bag -> why."""

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    read_bytes: int = 0


def find_bags(folders: Iterable[str | Path]) -> list[Path]:
    """Every recording under these folders: rosbag2 folders as one, files that lie alone. Raises InputError."""
    found: dict[Path, None] = {}
    for folder in map(Path, folders):
        if not folder.exists():
            raise InputError(f"There is no {folder}.", "Name folders that hold recordings.")
        if folder.is_file():
            found[folder] = None
            continue
        for path in sorted(path for path in folder.rglob("*") if path.suffix in FILES and path.is_file()):
            parent = path.parent
            split = path.stem.startswith(f"{parent.name}_")  # of a recording that was killed before its metadata
            found[parent if (parent / "metadata.yaml").exists() or split else path] = None
    return list(found)


def ingest(folders: Iterable[str | Path], store: Store, engine: Engine, told: Told | None = None) -> Ingested:
    """Bring the facts of all bags under `folders` into the store. Raises InputError, or PhysicalAIError on its disk."""
    done = Ingested()
    work: list[tuple[Path, str]] = []
    new: set[str] = set()
    for bag in find_bags(folders):
        try:
            sha256 = store.hash_of(bag)
        except BagError as error:
            done.broken[str(bag)] = str(error)
            continue
        if store.has(sha256) or sha256 in new:
            done.known.append(str(bag))
        else:
            new.add(sha256)
            work.append((bag, sha256))
    try:
        for number, ((bag, _), result) in enumerate(zip(work, engine.map(_task, work), strict=True)):
            if isinstance(result, str):
                done.broken[str(bag)] = result
            elif result.skipped:
                done.skipped[str(bag)] = result.skipped
            else:
                store.add(result)
                done.added.append(str(bag))
                done.read_bytes += int(result.tables["runs"]["bytes"][0].as_py())
            if told is not None:
                told(number + 1, len(work))
        store.remember_hashes()
    except OSError as error:
        raise PhysicalAIError(
            f"The facts cannot be written to {store.root}: {error}.", "Name a writable folder with room."
        ) from error
    return done


def _task(work: tuple[Path, str]) -> Facts | str:
    """One bag, wherever the engine runs it; what it lacks comes back as words."""
    path, sha256 = work
    try:
        return facts_of(path, sha256)
    except PhysicalAIError as error:
        return str(error)
    except Exception as error:  # a bag of strangers must not stop a fleet's night
        return f"The bag {path} broke the reader: {error!r}."
