"""Rows of one channel as Arrow columns, with the times they count at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Columns = dict[str, pa.Array]
Stamps = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Rows of one channel in the file's order; `stamp_s` from the header, NaN where the message has none."""

    log_ns: NDArray[np.int64]
    stamp_s: Stamps
    columns: Columns
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.log_ns)

    def times_s(self) -> Stamps:
        """When each message is of: its header's stamp, else the time of its recording."""
        return np.where(self.stamp_s > 0.0, self.stamp_s, self.log_ns * 1e-9)


def joined(tables: Sequence[Table]) -> Table:
    """Rows of several tables of one payload type, one after the other."""
    if len(tables) == 1:
        return tables[0]
    columns = {name: pa.concat_arrays([table.columns[name] for table in tables]) for name in tables[0].columns}
    return Table(
        np.concatenate([table.log_ns for table in tables]),
        np.concatenate([table.stamp_s for table in tables]),
        columns,
        sum(table.unreadable for table in tables),
    )
