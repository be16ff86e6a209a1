"""The questions of `queries/`, asked of a store by DuckDB: here, or in parts wherever an engine works.

A question is two statements. The first asks the facts (`runs`, `missions`, … are tables in it) of any part of the
fleet; the second, after the line `-- merge`, asks what all parts answered (`partial`). One part or a hundred give the
same answer, since the facts are whole numbers and every question adds, counts or ranks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from physical_ai_core.errors import DependencyError, InputError
from physical_ai_learning.fleet.engine import Engine
from physical_ai_learning.fleet.facts import SCHEMAS, VERSION
from physical_ai_learning.fleet.store import Store

FOLDER: Final = Path(__file__).parent / "queries"
MERGE: Final = "-- merge"
Answers = dict[str, pa.Table]


@cache
def questions() -> dict[str, tuple[str, str]]:
    """Name -> (statement for a part, statement for the answers of all parts)."""
    found = {}
    for path in sorted(FOLDER.glob("*.sql")):
        part, _, merge = path.read_text(encoding="utf-8").partition(MERGE)
        found[path.stem] = (part, merge)
    return found


def ask(store: Store, engine: Engine, parts: int = 0) -> Answers:
    """Every question, of all bags of the store. `parts` 0: as many as the engine has workers.

    Raises InputError where the store is empty, DependencyError without DuckDB.
    """
    _duckdb()
    bags = store.bags()
    if not bags:
        raise InputError(f"There are no facts in {store.root}.", "Name folders that hold recordings.")
    count = max(1, min(parts or engine.workers, len(bags)))
    work = [(str(store.root), bags[number::count]) for number in range(count)]
    answers = list(engine.map(_ask_part, work))
    return {
        name: _merged(merge, pa.concat_tables([answer[name] for answer in answers]))
        for name, (_, merge) in questions().items()
    }


def _ask_part(work: tuple[str, Sequence[str]]) -> Answers:
    root, bags = work
    folder = Path(root) / f"v{VERSION}"
    with _duckdb().connect() as connection:
        connection.execute("SET threads = 1")
        for name in SCHEMAS:
            files = [str(folder / name / f"{bag}.parquet") for bag in bags]
            connection.read_parquet(files).create(name)  # read once, for all questions
        return {name: _table(connection, part) for name, (part, _) in questions().items()}


def _merged(statement: str, partial: pa.Table) -> pa.Table:
    with _duckdb().connect() as connection:
        connection.execute("SET threads = 1")
        connection.register("partial", partial)
        return _table(connection, statement)


def _table(connection: Any, statement: str) -> pa.Table:
    return connection.sql(statement).to_arrow_table()


def plain(answers: Mapping[str, pa.Table]) -> dict[str, list[dict[str, Any]]]:
    """Answers as rows, for JSON and pages."""
    return {name: table.to_pylist() for name, table in answers.items()}


def _duckdb() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise DependencyError("duckdb", "fleet") from error
    return duckdb
