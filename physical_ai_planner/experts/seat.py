"""The council's seat in the planner: live facts kept, each goal judged before it begins, every judgement logged."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Final

from physical_ai_core.goal import GoalState
from physical_ai_core.messages import Odometry
from physical_ai_core.reports import Verdict
from physical_ai_planner.experts.case import LiveFacts
from physical_ai_planner.experts.council import Counsellor, Judged, log_line
from physical_ai_planner.experts.gather import NEAR_M, case_of, hour_of, is_dark, slope_deg
from physical_ai_planner.mission import Mission
from physical_ai_planner.pursuit import Pursuit

FRESH_S: Final = 1.0
MOST_AGREED: Final = 16  # instructions whose questions are remembered


class Seat:
    """`log_file` empty: the judgements are kept nowhere but in `last`."""

    def __init__(self, pursuit: Pursuit, council: Counsellor, log_file: str = "") -> None:
        self.pursuit, self.council = pursuit, council
        self.last: Judged | None = None
        self.fault = "; ".join(council.faults)
        self._log = Path(log_file) if log_file else None
        self._verdict: Verdict | None = None
        self._odometry: Odometry | None = None
        self._asked: dict[str, frozenset[str]] = {}  # instruction id -> rules whose question was put

    def take_verdict(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def take_odometry(self, odometry: Odometry) -> None:
        self._odometry = odometry

    def judge(self, mission: Mission, goal: GoalState, sentence: str, now_s: float, confirmed: bool) -> Judged:
        """Judge a goal that is grounded and checked. `confirmed`: a person said yes to what was asked about it."""
        agreed: Collection[str] = self._asked.get(goal.instruction_id, frozenset()) if confirmed else ()
        points = [waypoint.xy for aim in mission.aims for waypoint in aim.course]
        pursuit = self.pursuit
        case = case_of(sentence, goal, pursuit.site, pursuit.robot, self.live(now_s), mission.start, points)
        judged = self.last = self.council.judge(case, agreed)
        if judged.asked:
            before = self._asked.pop(goal.instruction_id, frozenset())
            self._asked[goal.instruction_id] = before | judged.asked
            while len(self._asked) > MOST_AGREED:
                self._asked.pop(next(iter(self._asked)))
        self._write(judged, now_s)
        return judged

    def live(self, now_s: float) -> LiveFacts:
        """What is known of this moment; stale reports are not known."""
        pursuit, odometry, verdict = self.pursuit, self._odometry, self._verdict
        here = pursuit.localisation.here(now_s)
        status = pursuit.status if pursuit.status is not None and _fresh(pursuit.status.stamp_s, now_s) else None
        fresh = odometry if odometry is not None and _fresh(odometry.stamp_s, now_s) else None
        things = [] if here is None else pursuit.localisation.things(here, now_s)
        people = [t for t in things if t.class_name == "person" and here and t.distance_m(here.pose) <= NEAR_M]
        return LiveFacts(
            hour=hour_of(now_s, pursuit.site),
            dark=is_dark(now_s, pursuit.site.datum),
            slope_deg=None if fresh is None else slope_deg(fresh.orientation_xyzw),
            speed_mps=None if here is None else here.speed_mps,
            sigma_m=None if here is None else here.sigma_margin_m / 3.0,
            surprise=pursuit.surprise.value(now_s, FRESH_S),
            people_near=None if here is None else float(len(people)),
            gate=verdict.state if verdict is not None and _fresh(verdict.stamp_s, now_s) else None,
            controller=None if status is None else status.mode,
            controller_slack=None if status is None else status.slack,
            battery_share=pursuit.charge(now_s),
            solve_ms=None if status is None else status.solve_ms,
        )

    def _write(self, judged: Judged, now_s: float) -> None:
        if self._log is None:
            return
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"stamp_s": now_s, **log_line(judged)}, ensure_ascii=False) + "\n")
        except OSError as error:
            self.fault = f"the experts' log {self._log} cannot be written: {error}"


def _fresh(stamp_s: float, now_s: float) -> bool:
    return abs(now_s - stamp_s) <= FRESH_S
