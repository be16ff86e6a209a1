"""A difference as people read it: where it begins, what differs most, what changed since the reference was made."""

from __future__ import annotations

from typing import Final

from physical_ai_bench.regression.check import Checked
from physical_ai_bench.regression.compare import Deviation

MOST_SHOWN: Final = 12
HEADER: Final = ("first at", "topic", "field", "now", "reference", "messages", "largest", "× tolerance")


def headline(checked: Checked) -> str:
    """One sentence."""
    replayed, verdict = checked.replayed, checked.verdict
    what = f"{replayed.bag.path.name}, {replayed.part.name}: {replayed.messages_out} messages"
    pace = f"{replayed.pace:.0f} × real time"
    if verdict is None:
        return f"{what}, reference written to {checked.against} ({pace})"
    if verdict.same:
        bits = "bit-identical" if checked.bit_identical else f"within tolerances{_nearest(checked)}"
        return f"{what}, same as the reference: {bits} ({pace})"
    first = verdict.deviations[0]
    return (
        f"{what}, DIFFERS from the reference in {len(verdict.deviations)} fields; first {first.topic}.{first.field}"
        f" at {_when(checked, first.at_s)}: {_short(first.value)} instead of {_short(first.reference)} ({pace})"
    )


def rows(checked: Checked) -> list[tuple[str, ...]]:
    """The differing fields in the order in which they begin to differ."""
    verdict = checked.verdict
    return [_row(checked, one) for one in (verdict.deviations if verdict is not None else ())[:MOST_SHOWN]]


def lines(checked: Checked) -> list[str]:
    """Headline, fields and causes as plain text, for a test's report."""
    said = [headline(checked)]
    if checked.verdict is None or checked.verdict.same:
        return said
    for at, topic, field, now, reference, messages, most, share in rows(checked):
        largest = f"; largest deviation {most}, {share} of its tolerance" if most else ""
        said.append(f"  {at} {topic}.{field}: {now} instead of {reference}, {messages} messages{largest}")
    left = len(checked.verdict.deviations) - MOST_SHOWN
    said += [f"  and {left} fields more"] if left > 0 else []
    return [*said, *causes(checked)]


def causes(checked: Checked) -> list[str]:
    """What is another one than when the reference was made."""
    if not checked.changes:
        return ["Parameters, models, files and software are those of the reference."]
    return ["Changed since the reference:", *(f"  {change}" for change in checked.changes)]


def _row(checked: Checked, one: Deviation) -> tuple[str, ...]:
    most = "" if one.most is None else f"{one.most:.3g}"
    share = "" if one.most_times_tolerance is None else f"{one.most_times_tolerance:.3g}"
    return (
        _when(checked, one.at_s), one.topic, one.field, _short(one.value), _short(one.reference),
        f"{one.count} of {one.of}", most, share,
    )  # fmt: skip


def _when(checked: Checked, at_s: float) -> str:
    """Seconds since the first thing said, and the stamp."""
    start_ns = min(int(series.said_ns[0]) for series in checked.reference.spoken.values())
    return f"{at_s - start_ns * 1e-9:.3f} s ({at_s:.3f})"


def _nearest(checked: Checked) -> str:
    nearest = checked.verdict.nearest if checked.verdict is not None else None
    return f", nearest to its own {nearest[0]} at {nearest[1]:.2g} of it" if nearest is not None else ""


def _short(text: str) -> str:
    return text if len(text) <= 48 else f"{text[:45]}…"
