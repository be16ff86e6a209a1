"""Reports to columns the quick way: what comes out is what `from_json` would have given, and nothing else comes out."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physical_ai_core.errors import InputError
from physical_ai_core.reports import ControllerStatus, JsonReport, PersonsAnswer, PlannerReply, Verdict
from physical_ai_telemetry.flatten import JSON, columns_of
from physical_ai_telemetry.string_columns import reports

KINDS = (ControllerStatus, PersonsAnswer, PlannerReply, Verdict)
GOOD: dict[str, Any] = {
    "stamp_s": 3.5, "mode": "idle", "id": "a", "person": "p", "yes": True, "kind": "done", "en": "e", "ja": "じ",
    "state": "clear", "source": "none", "command_in": [0.0, 0.0], "command_out": [0.0, 0.0],
}  # fmt: skip
SPOILT = ("", "[]", "null", "7", '{"stamp_s": 1.0}', '{"stamp_s": 1.0} {}', "{", "{} x", '"text"', " {} ")


def wire(text: str) -> memoryview:
    body = text.encode()
    return memoryview(b"\x00\x01\x00\x00" + (len(body) + 1).to_bytes(4, "little") + body + b"\x00")


def plainly(kind: type[JsonReport], texts: list[str]) -> list[dict[str, Any]]:
    """The long way: each report made, its fields read."""
    rows = []
    for text in texts:
        try:
            data = kind.from_json(text)
        except InputError:
            continue
        told = {name: getattr(data, name) for name in columns_of(kind) if name != JSON}
        rows.append({"stamp_s": getattr(data, "stamp_s", math.nan), JSON: text, **told})
    return rows


def quickly(kind: type[JsonReport], texts: list[str]) -> list[dict[str, Any]]:
    table = reports(kind, np.arange(len(texts), dtype=np.int64), [wire(text) for text in texts])
    columns = {name: column.to_pylist() for name, column in table.columns.items()}
    assert table.log_ns.tolist() == sorted(set(table.log_ns.tolist())) and len(table.log_ns) == len(columns[JSON])
    return [
        {"stamp_s": stamp_s, **{name: column[row] for name, column in columns.items()}}
        for row, stamp_s in enumerate(table.stamp_s.tolist())
    ]


said = st.builds(
    lambda keys, more, front, back: front + json.dumps({k: GOOD[k] for k in keys} | more, ensure_ascii=False) + back,
    st.sets(st.sampled_from(sorted(GOOD))) | st.just(set(GOOD)),
    st.sampled_from(({}, {"unheard_of": [1, {"b": 2}]}, {"why": "x", "reason": "y"})),
    st.sampled_from(("", " ", "\n")), st.sampled_from(("", " ", "}", "\n")),
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(said | st.sampled_from(SPOILT), max_size=6))
def test_the_columns_hold_what_the_reports_would(kind: type[JsonReport], texts: list[str]) -> None:
    quick, plain = quickly(kind, texts), plainly(kind, texts)
    for row in (*quick, *plain):
        row["stamp_s"] = "none" if math.isnan(row["stamp_s"]) else row["stamp_s"]
    assert quick == plain


def test_a_stamp_that_such_a_report_does_not_have_is_none() -> None:
    (row,) = quickly(PersonsAnswer, [json.dumps(GOOD)])
    assert math.isnan(row["stamp_s"]) and (row["id"], row["yes"], row["why"]) == ("a", True, "")
