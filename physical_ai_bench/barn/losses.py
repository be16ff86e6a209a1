"""Where a run's time goes: seconds lost against the top speed, by what the robot said it was doing.

A tenth of a second at speed v loses 0.1 s · (1 − v / 2 m/s); the gate's word comes first, then the controller's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from physical_ai_bench.barn.trace import Trace
from physical_ai_bench.barn.worlds import TOP_SPEED_MPS
from physical_ai_core.geometry import Array

STANDS_MPS, SLOW_MPS = 0.1, 1.0
LEAST_S: Final = 0.05


def reason(verdict: Any, status: Any, speed_mps: float) -> str:
    """Why the robot is not at full speed, from `safety/verdict` and `controller/status` (None: not heard yet)."""
    rules = [] if verdict is None else [i.rule for i in verdict.interventions if i.rule != "acceleration"]
    if rules:
        return f"gate: {rules[-1]}"
    if status is not None and status.message:
        return str(status.message).split(" is ")[0]
    if status is not None and status.mode not in ("tracking", "arrived"):
        return str(status.mode)
    return "stands" if abs(speed_mps) < STANDS_MPS else "slow" if speed_mps < SLOW_MPS else "below top speed"


def losses(trace: Trace) -> Counter[str]:
    """Seconds lost by each reason, from where the robot set off."""
    lost: Counter[str] = Counter()
    moved = np.hypot(*(trace.driven[:, 1:3] - trace.driven[0, 1:3]).T) >= STANDS_MPS
    first = int(np.argmax(moved)) if moved.any() else len(moved)
    steps: Array = np.diff(trace.driven[:, 0], append=trace.driven[-1, 0])
    shares = 1.0 - np.clip(trace.driven[:, 4] / TOP_SPEED_MPS, 0.0, 1.0)
    for why, seconds in zip(trace.why[first:].tolist(), (steps * shares)[first:].tolist(), strict=True):
        lost[why] += seconds
    return lost


def told(traces: Sequence[Trace], most: int = 6) -> str:
    """`reason 1.2 s, reason 0.3 s`: means over runs, the largest first."""
    total: Counter[str] = sum((losses(trace) for trace in traces), Counter())
    means = [(why, seconds / len(traces)) for why, seconds in total.most_common(most)]
    return ", ".join(f"{why} {mean:.1f} s" for why, mean in means if mean >= LEAST_S)
