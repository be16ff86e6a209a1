"""What the robot must not drive, whoever proposed it: the last look at a trajectory inside the controller."""

from __future__ import annotations

import numpy as np

from physical_ai_control.body import Body
from physical_ai_control.braking import first_contact, stop_states
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.people import Forecast
from physical_ai_control.pilot import Drive
from physical_ai_control.surroundings import Surroundings
from physical_ai_core.geometry import Array

STANDING_MPS = 0.05
NEXT_S = 0.1  # the decision just made is judged from where it will have taken the robot
CONTACT_MARGIN_M, CONTACT_SPREAD_CAP_M = 0.07, 0.25
STUCK_SLACK_M = 0.05
OVERLAP_M, DEEPER_M = 0.03, 0.02
TURNING_RPS = 0.05  # slower than this a standing robot is at rest
TIGHTER_MPS = 0.1  # a yaw rate may ask for this much more speed than there is, on the least radius
TURN_STOP_S = 0.5  # time in which a turn comes to rest


class Guard:
    """Passive safety with a rest, and no squeezing."""

    def __init__(
        self, parameters: ControllerParameters, body: Body, deceleration_mps2: float, stages_s: Array,
        least_radius_m: float = 0.0,
    ) -> None:  # fmt: skip
        """`least_radius_m`: of the turns that the base can drive; 0: it turns where it stands."""
        self._p, self._body, self._braking_mps2, self._stages_s = parameters, body, deceleration_mps2, stages_s
        self._least_radius_m = least_radius_m

    def refuse(self, now_s: float, drive: Drive, forecast: Forecast, surroundings: Surroundings) -> str:
        """Why the robot must brake instead of driving this; empty when it need not.

        Rule of passive safety (Macek et al. 2009) with a rest: driving on for one step and braking then must bring
        the robot to rest, and leave it there for `rest_s`, before a person is within contact.
        """
        bend = np.abs(drive.states[:, 4]) * self._least_radius_m
        if (bend > np.abs(drive.states[:, 3]) + TIGHTER_MPS).any():
            return "tighter than the base can turn"
        if (drive.states[:, 3] < STANDING_MPS).all():
            turns = float(np.abs(drive.states[:, 4]).max()) > TURNING_RPS
            return "a person would be too near" if turns and self._someone_comes(now_s, drive, forecast) else ""
        after = np.array([np.interp(NEXT_S, self._stages_s, column) for column in drive.states.T])
        if after[3] > STANDING_MPS:
            times = np.arange(0.0, after[3] / self._braking_mps2 + self._p.rest_s + 0.05, 0.05)
            people = forecast.at(now_s + NEXT_S + times)
            keep = CONTACT_MARGIN_M + np.minimum(self._p.sigmas * people.sigma, CONTACT_SPREAD_CAP_M)
            stopping = stop_states(after, self._braking_mps2, times)
            if first_contact(stopping, people, self._body.half_m, keep) >= 0:
                return "a person would be too near"
        if drive.slack[1] > self._p.static_margin_m + STUCK_SLACK_M and self._squeezes(drive, surroundings):
            return "no room between standing obstacles"
        return ""

    def _someone_comes(self, now_s: float, drive: Drive, forecast: Forecast) -> bool:
        """Somebody comes within reach of the corners of a robot that turns where it stands, before it has rested."""
        times = np.arange(0.0, self._p.rest_s + TURN_STOP_S, 0.1)
        people = forecast.at(now_s + times)
        away = np.hypot(*np.moveaxis(people.mean - drive.states[0, :2], -1, 0))
        return bool((away < self._body.radius_m + people.radius[:, None] + CONTACT_MARGIN_M).any())

    def _squeezes(self, drive: Drive, surroundings: Surroundings) -> bool:
        """The trajectory goes deeper into standing obstacles than the robot is now, before it could stop again."""
        reach = max(3, int(np.ceil((drive.states[0, 3] / self._braking_mps2 + 0.3) / self._p.dt_s)))
        ahead = np.column_stack([np.cos(drive.states[:, 2]), np.sin(drive.states[:, 2])])
        circles = np.stack([drive.states[:, :2] + offset * ahead for offset in self._body.circles[:, 0]])
        gap = (surroundings.look(circles)[0] - self._body.circles[:, 1:]).min(axis=0)[: reach + 1]
        return bool(gap.min() < min(-OVERLAP_M, gap[0] - DEEPER_M))
