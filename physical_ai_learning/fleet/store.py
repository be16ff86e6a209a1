"""The folder of facts: `v1/TABLE/SHA256.parquet`, a file a bag and table. A bag is in it when its `runs` file is."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from physical_ai_learning.fleet.facts import SCHEMAS, VERSION, Facts
from physical_ai_telemetry.dataset.source import files_of, fingerprint


class Store:
    """Facts on disk. Safe against a kill at any moment: every file is renamed into place, `runs` last."""

    def __init__(self, folder: str | Path) -> None:
        self.root = Path(folder)
        self.folder = self.root / f"v{VERSION}"
        self._hashes_path = self.folder / "hashes.json"
        self._hashes: dict[str, list[Any]] = {}
        with suppress(OSError, ValueError):
            self._hashes = json.loads(self._hashes_path.read_text(encoding="utf-8"))

    def bags(self) -> list[str]:
        """SHA-256 of every bag that is in, sorted."""
        return sorted(path.stem for path in (self.folder / "runs").glob("*.parquet"))

    def has(self, sha256: str) -> bool:
        return (self.folder / "runs" / f"{sha256}.parquet").exists()

    def add(self, facts: Facts) -> None:
        """Raises OSError."""
        for name in sorted(facts.tables, key=lambda name: name == "runs"):
            path = self.folder / name / f"{facts.bag}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}.part")
            pq.write_table(facts.tables[name], draft)
            os.replace(draft, path)

    def read(self, bags: list[str], table: str) -> pa.Table:
        """One table of these bags, in their order."""
        parts = [pq.ParquetFile(self.folder / table / f"{bag}.parquet").read() for bag in bags]
        return pa.concat_tables([SCHEMAS[table].empty_table(), *parts]).combine_chunks()

    def hash_of(self, bag: Path) -> str:
        """A bag's SHA-256; not computed again while size and time of its files stay. Raises BagError."""
        state = [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files_of(bag)]
        key = str(bag.resolve())
        known = self._hashes.get(key)
        if known is None or known[0] != state:
            self._hashes[key] = known = [state, fingerprint(bag)]
        return str(known[1])

    def remember_hashes(self) -> None:
        """Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._hashes_path.with_suffix(f".{os.getpid()}.part")
        draft.write_text(json.dumps(self._hashes), encoding="utf-8")
        os.replace(draft, self._hashes_path)
