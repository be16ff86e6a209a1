"""The controller's core: state, route and predictions in, a velocity command and its whole trajectory out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from physical_ai_control.arrival import Arrival
from physical_ai_control.body import body_of
from physical_ai_control.choice import Chooser, Pace, Progress, turned
from physical_ai_control.command import Command
from physical_ai_control.doubt import doubted
from physical_ai_control.estimate import Given, Present
from physical_ai_control.guard import NEXT_S, STANDING_MPS, Guard
from physical_ai_control.intake import Intake
from physical_ai_control.mission import Mission
from physical_ai_control.mpc.models import declared
from physical_ai_control.mpc.problem import Ocp, Solver
from physical_ai_control.mpc.solvers import make_solver
from physical_ai_control.parameters import ControllerParameters
from physical_ai_control.passing import Room, lessened
from physical_ai_control.patience import Patience
from physical_ai_control.people import People, nobody
from physical_ai_control.pilot import PROBES, Drive, Pilot, limits_of
from physical_ai_control.policy.second import second_expert
from physical_ai_control.recovery import Recovery, ends_on
from physical_ai_control.saying import Following, Standing, TurnToSpeak, status, trajectory
from physical_ai_core import messages as m
from physical_ai_core.core import NOTHING, OK, STALE, WARN, Health, Output, Outputs
from physical_ai_core.geometry import Array, compose
from physical_ai_core.own_motion import OwnMotionModel
from physical_ai_core.robot import load_robot

NEAR_M = 8.0  # people farther away than this do not matter within the horizon
JUMP_BACK_S, LONG_GAP_S = 0.5, 1.0
NEVER_RAD = 2.0  # so far off the route it turns before it drives on, also among people
TURNED = 0.5  # of the heading error above which it turns first: with less it drives on, the MPC does the rest
WAITING = "waiting for a person"
CARRIED_LATERAL_MPS = 0.0  # the gate judges and passes forward speed and yaw rate: no model may count on more


class ControllerCore:
    """Decides by candidates, refines by MPC, and never starts what it cannot end at rest before a person is there."""

    def __init__(
        self, parameters: ControllerParameters, timer: Callable[[], float] | None = None,
        own_motion: OwnMotionModel | None = None, around_solver: Callable[[Solver], Solver] | None = None,
    ) -> None:  # fmt: skip
        """`timer`: a clock in seconds to measure the solver with; it is reported, never decided by. `own_motion`: tells
        where the robot is now from a state that is some milliseconds old; without it, a first-order lag does.
        `around_solver`: gives the solver back with something around it, to measure it by itself."""
        p = self._p = parameters
        robot = load_robot(p.robot)
        own, self._timer = robot.limits, timer
        self._body = body_of(robot, p.body_tolerance_m)
        self._limits = limits_of(p, own)
        self._top_mps = own.max_speed_mps
        self._hard_mps2 = 0.9 * own.max_deceleration_mps2
        base = robot.drivetrain.model_copy(update={"max_lateral_mps": CARRIED_LATERAL_MPS})
        self._model = declared(p.model or base.model, self._limits, base)
        ocp = Ocp(
            p.steps, p.dt_s, static=len(self._body.circles) + PROBES, model=self._model,
            braking_mps2=self._limits.deceleration_mps2 if p.terminal_set else 0.0,
        )  # fmt: skip
        solver = make_solver(p.solver, ocp)
        solver = solver if around_solver is None else around_solver(solver)
        second = second_expert(p.policy, ocp, partial(make_solver, p.solver))
        self._pilot = Pilot(ocp, solver, self._body, p.static_margin_m, second)
        static_keep_m = self._body.half_radius_m + p.static_margin_m
        self._room = Room(p, self._body, self._limits.deceleration_mps2, self._top_mps)
        self._chooser = Chooser(p.steps, p.dt_s, static_keep_m, p.rest_s)
        self._intake = Intake(p, 0.5 * self._body.half_radius_m)
        self._present = Present(p.actuator_lag_s, p.stale_s, own_motion)
        self._mission = Mission(p, self._limits.yaw_rate_rps)
        self._stages_s: Array = np.arange(p.steps + 1, dtype=np.float64) * p.dt_s
        self._guard = Guard(p, self._body, self._limits.deceleration_mps2, self._stages_s, self._model.least_radius_m)
        most = np.array([own.max_speed_mps, own.max_yaw_rate_rps])
        self._command = Command(self._model, most, self._hard_mps2, p.actuator_lag_s, self._stages_s)
        self._arrival = Arrival(p, self._model.turns_in_place)
        self._recovery = Recovery(self._body, self._stages_s, p.back_off_after_s, p.static_margin_m)
        self._sequence = 0
        self._tool: bool | None = None
        self._restart()

    def _restart(self) -> None:
        self._now_s = self._given_s = -np.inf
        self._turn_to_speak = TurnToSpeak()
        self._command.clear()
        self._turning = self._arrival.aligning = False
        self._patience = Patience()
        self._mode, self._message = "idle", ""
        self._held: Drive | None = None
        self._last: tuple[Drive | None, Array | None] = (None, None)
        self._held_s, self._held_ticks = -np.inf, 0
        self._solve_ms = 0.0
        self._pilot.forget()
        self._chooser.forget()
        self._recovery.clear()

    def handle(self, topic: str, data: Any, stamp_s: float) -> Outputs:
        """Take one payload; answers only by `tick`."""
        if topic in ("goal_state", "plan", "speed_limit"):
            self._mission.handle(topic, data, stamp_s)
        else:
            self._intake.handle(topic, data, stamp_s)
        return NOTHING

    def tick(self, stamp_s: float) -> Outputs:
        """Decide the command for `stamp_s`."""
        if not np.isfinite(stamp_s):
            return NOTHING
        elapsed = stamp_s - self._now_s
        if elapsed < -JUMP_BACK_S:
            self._restart()
            self._intake.clear()
            self._present.clear()
        elif elapsed > LONG_GAP_S:
            self._restart()
        dt = float(np.clip(elapsed, 0.0, 0.1))
        self._given_s, self._now_s = self._now_s, stamp_s
        drive, state = self._decide(stamp_s, dt)
        self._last = drive, state
        if not self._command.keep_within():
            self._mode, self._message = "braking", "the command was not finite"
        v, w = (float(value) for value in self._command.value)
        said = [Output("cmd_vel_nav", m.Twist(stamp_s, "base_link", v, w))]
        if self._tool != self._mission.tool:
            self._tool = self._mission.tool
            said.append(Output("tool_nav", m.Flag(self._tool)))
        if self._turn_to_speak.due(stamp_s, elapsed):
            age_s = self._intake.age_s(stamp_s)
            standing = Standing(self._mode, self._message, self._solve_ms, self._sequence, age_s)
            said += trajectory(stamp_s, drive, state, self._stages_s, self._hard_mps2)
            said.append(status(stamp_s, drive, self._mission, standing))
        return said

    def health(self) -> Health:
        """STALE while an input is missing and a route waits, WARN while blocked or without a solution."""
        values = {
            "mode": self._mode, "solve_ms": f"{self._solve_ms:.2f}", "sequence": str(self._sequence),
            "own_motion_model": self._present.source,
        }  # fmt: skip
        if self._mode == "braking" and self._intake.trouble(self._now_s):
            return Health(STALE, self._message, values)
        if self._mode in ("blocked", "fallback"):
            return Health(WARN, self._message, values)
        return Health(OK, self._message or "ok", values)

    @property
    def following(self) -> Following:
        """What the last command came from."""
        drive, state = self._last
        return Following(self._sequence, self._held_s if drive is self._held else self._now_s, drive, state)

    # --- deciding ---

    def _decide(self, now_s: float, dt: float) -> tuple[Drive | None, Array | None]:
        """Set mode, message and command. Returns what is driven, if anything, and the state it begins at."""
        intake, trouble = self._intake, self._intake.trouble(now_s)
        state = None
        if intake.odometry is not None and intake.age_s(now_s) <= self._p.stale_s:
            given = Given(self._command.value, self._given_s).checked(intake.verdict, now_s, self._p.stale_s)
            state = self._present.state(now_s, intake.odometry, *given)
        if trouble or state is None:
            rest = self._mission.stand and (state is None or abs(state[3]) < STANDING_MPS)
            self._brake(state, dt, "idle" if rest else "braking", trouble)
            return None, state
        mission = self._mission
        if mission.stand:
            self._pilot.forget()
            self._turning = self._arrival.aligning = False
            self._patience.clear()
            moving = abs(state[3]) > STANDING_MPS
            self._brake(state, dt, "braking" if moving else "idle", "no route: standing")
            return None, state
        self._held_ticks += 1
        if self._held is not None and self._held_ticks < self._p.solve_every and now_s - self._held_s < NEXT_S:
            self._command.follow(self._held, now_s - self._held_s, state)
            return self._held, state
        drive = self._renew(now_s, dt, state)
        self._held, self._held_s, self._held_ticks = drive, now_s, 0
        return drive, state

    def _renew(self, now_s: float, dt: float, state: Array) -> Drive | None:
        """Decide and solve anew."""
        pose = compose(self._intake.map_from_odom(), state[:3])
        arrived = self._arrival.turn(self._mission, pose, float(state[3]))
        if arrived is not None:
            self._patience.clear()
            if arrived == 0.0:
                self._brake(state, dt, "arrived", "")
                return None
            drive = self._turn(now_s, state, float(arrived), "aligning")
            surroundings = self._intake.surroundings
            if drive is None or surroundings is None:
                return drive
            reason = self._guard.refuse(now_s, drive, self._intake.people().near(state[:2], NEAR_M), surroundings)
            if reason:
                self._brake(state, dt, "braking", reason)
            return None if reason else drive
        backing = self._back_off(now_s, state)
        return self._track(now_s, dt, state) if backing is None else backing

    def _back_off(self, now_s: float, state: Array) -> Drive | None:
        """Backwards, where the robot has stood for long without a reason of its own."""
        mission, surroundings = self._mission, self._intake.surroundings
        if mission.route is None or mission.s_m is None or surroundings is None:
            return None
        stood_s = 0.0 if self._message == WAITING else self._patience.stood_s(now_s)
        due = 0.0 < self._p.back_off_after_s < stood_s
        ahead = ends_on(mission.route, mission.s_m, self._intake.map_from_odom()) if due else np.zeros((0, 3))
        drive = self._recovery.drive(now_s, state, stood_s, ahead, surroundings, self._intake.people())
        if drive is None:
            return None
        self._mode, self._message, self._turning, self._command.standstill = "tracking", "backing off", False, False
        self._pilot.forget()
        self._sequence += 1
        self._command.follow(drive, 0.0, state)
        return drive

    def _track(self, now_s: float, dt: float, state: Array) -> Drive | None:
        mission, p = self._mission, self._p
        route = mission.route
        assert route is not None and mission.s_m is not None and self._intake.surroundings is not None
        map_from_odom = self._intake.map_from_odom()
        forecast = self._intake.people().near(state[:2], NEAR_M)
        people, later = self._room.meet(forecast, now_s)
        pose = compose(map_from_odom, state[:3])
        error = route.heading_error(pose, mission.s_m)
        far_to_go = route.length_m - mission.s_m > 0.3
        limit = p.turn_in_place_rad * (TURNED if self._turning else 1.0)
        now = self._turning or not len(people.radius) or abs(state[3]) < STANDING_MPS or abs(error) > NEVER_RAD
        self._turning = self._model.turns_in_place and far_to_go and abs(error) > limit and now
        if self._turning:
            drive = self._turn(now_s, state, error, "turning")
        else:
            keep = self._room.kept(people, self._patience.stood_s(now_s))
            contact = self._room.contact(later)
            pace = self._pace(np.hypot(*(later.mean[:, 0] - state[:2]).T) - contact[:, 0])
            place, yaw, normal = route.at(np.array(mission.s_m))
            left = float(normal @ (pose[:2] - place))
            along = float(state[3] * np.cos(pose[2] - yaw))
            reference = self._chooser.choose(
                route, Progress(mission.s_m, left, along), pace, map_from_odom, later, keep, self._intake.surroundings,
                contact,
            )  # fmt: skip
            keep = lessened(people, reference.states[:, :2], keep, contact, p.dt_s)
            top = 0.0 if reference.share == 0.0 else pace.speed_mps
            why = WAITING if len(people.radius) else "no way past what stands here"
            self._message = why if reference.share == 0.0 else ""
            drive = self._solve(now_s, state, reference.states, top, people, keep)
        if drive is None:
            self._brake(state, dt, "fallback", "the solver gave no usable trajectory")
            return None
        self._mode = "tracking" if drive.fresh else "fallback"
        self._message = self._message if drive.fresh else drive.trouble
        reason = self._guard.refuse(now_s, drive, forecast, self._intake.surroundings)
        if reason:
            self._brake(state, dt, "braking", reason)
            drive = None
        stood_s = self._patience.notice(now_s, state)
        if stood_s > p.blocked_after_s and self._mode in ("tracking", "braking"):
            self._mode, self._message = "blocked", self._message or "no progress along the route"
        return drive

    def _turn(self, now_s: float, state: Array, turn: float, message: str) -> Drive | None:
        """Rotate by `turn` where the robot stands."""
        self._message, count = message, len(self._stages_s)
        reference = turned(state, turn, self._limits.yaw_rate_rps, self._stages_s)
        drive = self._solve(now_s, state, reference, 0.0, nobody(count), np.zeros((0, count)))
        if drive is None:
            self._brake(state, 0.02, "fallback", "the solver gave no usable trajectory")
            return None
        self._mode = "tracking"
        return drive

    def _solve(
        self, now_s: float, state: Array, reference: Array, top_mps: float, people: People, keep_m: Array
    ) -> Drive | None:
        assert self._intake.surroundings is not None
        began = self._timer() if self._timer is not None else 0.0
        drive = self._pilot.drive(
            now_s, state, reference, top_mps, people, keep_m, self._intake.surroundings, self._p.iterations,
            self._p.cold_iterations,
        )  # fmt: skip
        self._solve_ms = 1e3 * (self._timer() - began) if self._timer is not None else 0.0
        if drive is not None:
            self._sequence += 1
            self._command.standstill = top_mps == 0.0
            self._command.follow(drive, 0.0, state)
        return drive

    def _pace(self, gap_m: Array) -> Pace:
        """Limits of what is driven, with people at `gap_m (j,)` from contact."""
        p, own, wanted_mps = self._p, self._limits, min(self._mission.speed_mps, self._top_mps)
        pace = Pace(wanted_mps, own.acceleration_mps2, own.deceleration_mps2)
        return doubted(pace, self._intake.surprise, p.surprise_slow, gap_m, p.rest_s)

    def _brake(self, state: Array | None, dt: float, mode: str, message: str) -> None:
        self._mode, self._message = mode, message
        self._command.brake(state, dt)
