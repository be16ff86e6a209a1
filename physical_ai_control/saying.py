"""What the controller tells of itself ten times a second: the trajectory ahead, and how it stands."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from physical_ai_control.braking import stop_states
from physical_ai_control.mission import Mission
from physical_ai_control.pilot import Drive
from physical_ai_core import messages as m
from physical_ai_core import reports
from physical_ai_core.core import Output
from physical_ai_core.geometry import Array, wrap

VALID_S: Final = 0.5
PERIOD_S: Final = 0.1


class Standing(NamedTuple):
    """Mode, its reason, time of the last solve, number of the last trajectory, age of the odometry (inf: none)."""

    mode: str
    message: str
    solve_ms: float
    sequence: int
    age_s: float


class Following(NamedTuple):
    """The trajectory of the last command, from `begun_s` on (None: it came from none), and the state (5,) then."""

    sequence: int
    begun_s: float
    drive: Drive | None
    state: Array | None


class TurnToSpeak:
    """Every tenth of a second, whatever the ticks are; after a pause at once, with nothing to catch up."""

    def __init__(self) -> None:
        self._last_s = -np.inf

    def due(self, now_s: float, elapsed_s: float) -> bool:
        """Whether to speak now; `elapsed_s` since the last tick."""
        if now_s < self._last_s + PERIOD_S - 1e-3:
            return False
        late = elapsed_s > 2.0 * PERIOD_S
        self._last_s = now_s if late else max(self._last_s + PERIOD_S, now_s - 0.02)
        return True


def trajectory(
    now_s: float, drive: Drive | None, state: Array | None, stages_s: Array, hardest_mps2: float
) -> list[Output]:
    """`controller/trajectory`: what is driven, else the braking from `state (5,)`, else nothing."""
    if drive is not None:
        states = drive.states
    elif state is not None:
        states = stop_states(state, hardest_mps2, stages_s)
    else:
        return []
    poses = np.column_stack([states[:, :2], wrap(states[:, 2])])
    return [Output("controller/trajectory", m.Path(now_s, "odom", poses, now_s + stages_s))]


def status(now_s: float, drive: Drive | None, mission: Mission, standing: Standing) -> Output:
    """`controller/status`."""
    to_go = 0.0
    if mission.route is not None:
        to_go = max(0.0, mission.route.length_m - (mission.s_m or 0.0))
    age_s = standing.age_s
    return Output("controller/status", reports.ControllerStatus(
        stamp_s=now_s, mode=standing.mode, goal_id=mission.goal.goal_id if mission.goal is not None else "",
        distance_to_go_m=round(float(to_go), 3), solve_ms=round(standing.solve_ms, 3),
        iterations=0 if drive is None else drive.iterations,
        cost=0.0 if drive is None else round(float(drive.cost), 3),
        slack=0.0 if drive is None else round(float(drive.slack.max()), 4),
        input_age_s=round(float(age_s), 4) if np.isfinite(age_s) else -1.0, message=standing.message,
        sequence=standing.sequence, valid_until_s=now_s + VALID_S if drive is not None else now_s,
    ))  # fmt: skip
