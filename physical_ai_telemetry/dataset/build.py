"""Many bags to one data set: look at all, draw the parts, write, check, and only then give the folder its name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from physical_ai_core.errors import BagError, InputError, PhysicalAIError
from physical_ai_core.graph import TOPIC
from physical_ai_telemetry.dataset.manifest import NAME, manifest, write_manifest
from physical_ai_telemetry.dataset.parts import Shares, draw, require_apart
from physical_ai_telemetry.dataset.recording import Recording, look_at
from physical_ai_telemetry.dataset.source import Shelf, room_for_bags
from physical_ai_telemetry.dataset.tables import Written, statistics, units_in, write_tables

FORMATS: Final = ("parquet", "lerobot")
UNSAID: Final = "not stated"
Told = Callable[[float, float], None]  # done, and in all


@dataclass(frozen=True)
class Options:
    """`topics` None: all. `fps`: of LeRobot episodes. `jobs`: bags at a time. `skip_broken`: leave out what cannot be
    read, instead of giving up.
    """

    form: str = "parquet"
    shares: Shares = field(default_factory=Shares)
    topics: tuple[str, ...] | None = None
    licence: str = UNSAID
    fps: int = 10
    jobs: int = 1
    skip_broken: bool = False


@dataclass(frozen=True)
class Export:
    """What was written. `broken`: bag -> why it was left out; `duplicates`: bags that another one equals."""

    folder: Path
    recordings: tuple[Recording, ...]
    parts: dict[str, str]
    content: dict[str, Any]
    broken: dict[str, str] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()


def export(
    bags: Iterable[str | Path], out: str | Path, options: Options | None = None, told: Told | None = None
) -> Export:
    """Write a data set. `out` must be new, empty, or an older data set, which is replaced when this one is complete.

    Raises InputError on the options or the folder, BagError on a bag, PhysicalAIError when the disk refuses.
    """
    options = options or Options()
    out = Path(out)
    _check(options, out)
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        draft.mkdir(parents=True)
        done = _build([Path(bag) for bag in bags], draft, out, options, told or (lambda *_: None))
        _replace(draft, out)
        return done
    except (OSError, pa.ArrowException) as error:
        raise PhysicalAIError(f"The export to {out} failed: {error}.", "Name a writable folder with room.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _check(options: Options, out: Path) -> None:
    if options.form not in FORMATS:
        raise InputError(f"'{options.form}' is no format of data sets.", f"Known: {', '.join(FORMATS)}.")
    for topic in options.topics or ():
        if topic not in TOPIC:
            raise InputError(f"'{topic}' is no topic of the graph.", "docs/interfaces.md lists them.")
    if not 1 <= options.fps <= 1000:
        raise InputError(f"{options.fps} frames a second is no rate.", "Give 1 to 1000.")
    if out.exists() and not out.is_dir():
        raise PhysicalAIError(f"The export to {out} failed: it is a file.", "Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / NAME).exists():
        raise InputError(f"{out} holds files that are no data set.", "Name a new or an empty folder.")


def _build(bags: Sequence[Path], draft: Path, out: Path, options: Options, told: Told) -> Export:
    from physical_ai_telemetry.dataset.lerobot import write_lerobot

    if not bags:
        raise InputError("There is no bag to export.", "Name one or more.")
    broken: dict[str, str] = {}
    recordings: dict[str, Recording] = {}
    duplicates: list[str] = []
    steps = 2.0 * len(bags)
    room = room_for_bags() if options.form == "parquet" else 0
    with _Desks(min(options.jobs, len(bags)), room) as desks:
        looks = desks.map(_look, [(bag, bag) for bag in bags])
        for done, (bag, found) in enumerate(zip(bags, looks, strict=True)):
            if isinstance(found, BagError):
                if not options.skip_broken:
                    raise found
                broken[str(bag)] = str(found)
            elif found.sha256 in recordings:
                duplicates.append(str(bag))
            else:
                recordings[found.sha256] = found
            told(done + 1, steps)
        kept = sorted(recordings.values(), key=lambda one: (one.units[0].begin_ns, one.sha256))
        if not kept:
            raise BagError(f"None of {len(bags)} bags can be read.", next(iter(broken.values()), ""))
        parts = draw(kept, options.shares)
        if options.form == "lerobot":
            counts = write_lerobot(kept, parts, draft, options.fps, lambda n: told(len(bags) + n, steps))
        else:
            counts = _write_parquet(desks, kept, parts, draft, options, lambda n: told(len(bags) + n, steps))
    names = [Path(name).name for name in duplicates]
    content = manifest(options.form, kept, parts, options.shares, options.licence, names, counts)
    write_manifest(draft, content)
    return Export(out, tuple(kept), parts, content, broken, tuple(duplicates))


def _look(bag: Path, shelf: Shelf) -> Recording | BagError:
    try:
        return look_at(bag, shelf)
    except BagError as error:
        return error


def _write_parquet(
    desks: _Desks,
    recordings: Sequence[Recording],
    parts: dict[str, str],
    draft: Path,
    options: Options,
    told: Callable[[int], None],
) -> dict[str, Any]:
    work = [(recording.path, (recording, parts, draft, options.topics)) for recording in recordings]
    files: list[Written] = []
    unreadable: dict[str, int] = {}
    for done, (written, lost) in enumerate(desks.map(_write_one, work)):
        files += written
        for topic, count in lost.items():
            unreadable[topic] = unreadable.get(topic, 0) + count
        told(done + 1)
    require_apart(((unit, file.part) for file in files for unit in units_in(file.path)), parts)
    rows = [{"bag": recording.id, **asdict(one)} for recording in recordings for one in recording.interventions]
    pq.write_table(pa.Table.from_pylist(rows, schema=INTERVENTIONS), draft / "interventions.parquet")
    return {"rows": statistics(files), "unreadable": unreadable}


INTERVENTIONS: Final = pa.schema(
    [
        ("bag", pa.string()), ("begin_s", pa.float64()), ("end_s", pa.float64()), ("what", pa.string()),
        ("role", pa.string()), ("who", pa.string()), ("about", pa.string()), ("why", pa.string()),
        ("mission", pa.string()), ("counts", pa.bool_()),
    ]
)  # fmt: skip


def _write_one(
    work: tuple[Recording, dict[str, str], Path, tuple[str, ...] | None], shelf: Shelf
) -> tuple[list[Written], dict[str, int]]:
    recording, parts, draft, topics = work
    return write_tables(recording, parts, draft, topics, shelf=shelf)


class _Desks:
    """Work on bags, in this process or in several, each with a shelf of its own: a bag is always at the same desk, so
    that what was read while it was looked at is at hand when it is written. `room` in bytes, of all shelves."""

    def __init__(self, count: int, room: int) -> None:
        self._shelf = Shelf(room)
        self._desks = [
            ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_sit_down, initargs=(room // count,))
            for _ in range(count if count > 1 else 0)
        ]
        self._of: dict[Path, int] = {}

    def __enter__(self) -> _Desks:
        return self

    def __exit__(self, *_: object) -> None:
        for desk in self._desks:
            desk.shutdown(cancel_futures=True)

    def map(self, job: Callable[[Any, Shelf], Any], work: Sequence[tuple[Path, Any]]) -> Iterable[Any]:
        """Results in the order of the work, of which each names its bag."""
        if not self._desks:
            return (job(content, self._shelf) for _, content in work)
        waiting: list[Future[Any]] = []
        for bag, content in work:
            desk = self._desks[self._of.setdefault(bag, len(self._of) % len(self._desks))]
            waiting.append(desk.submit(_at_desk, job, content))
        return (one.result() for one in waiting)


_here: list[Shelf] = []  # of this process, when it is a desk


def _sit_down(room: int) -> None:
    _here.append(Shelf(room))


def _at_desk(job: Callable[[Any, Shelf], Any], content: Any) -> Any:
    return job(content, _here[0])


def _replace(draft: Path, out: Path) -> None:
    """Put the finished folder in its place; an older data set goes only then."""
    if out.exists():
        old = out.with_name(f".{out.name}.{os.getpid()}.old")
        os.replace(out, old)
        try:
            os.replace(draft, out)
        except OSError:
            os.replace(old, out)
            raise
        shutil.rmtree(old)
    else:
        os.replace(draft, out)
