"""Missions of the simulated robot on ground of every kind, for the model of its own motion.

The simulator's physics and base controller without the sensors that this needs not. The state is ground truth with
noise of the size that perception shows on dry ground (white and wandering); the commands are those that a base gets:
smooth and abrupt ones, starts, stops, arcs, turns on the spot, and a driver that goes to points by feedback.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from physical_ai_core.geometry import wrap
from physical_ai_core.robot import load_robot
from physical_ai_core.site import Site
from physical_ai_sim import physics as p
from physical_ai_sim.base import Base
from physical_ai_sim.ground import Ground
from physical_ai_sim.parameters import SimulatorParameters
from physical_ai_sim.sensors import Body
from physical_ai_sim.world import build_model

Array = NDArray[np.float64]
ROW_S: Final = 0.02
FRAMES: Final = round(ROW_S / p.FRAME_S)
SPEED_MPS, BACK_MPS, TURN_RPS = 1.6, 0.4, 1.5
WHITE: Final = np.array([0.008, 0.004, 0.004])  # m/s, m/s, rad/s: forward, left, turn
WANDER: Final = np.array([0.010, 0.006, 0.003])
WANDER_S: Final = 1.5
TILT_SIGMA_RAD: Final = 0.006  # wandering error of roll and pitch
OPEN_GROUND = Site.model_validate({
    "schema_version": 1, "name": "open ground", "start": "here",
    "places": {"here": {"names": {"en": ["here"]}, "pose": {"x_m": 0.0, "y_m": 0.0}}},
})  # fmt: skip


class Mission(NamedTuple):
    """Rows every 0.02 s. `truth` (n, 6): x, y, yaw, forward, left, turn; `seen` (n, 5): forward, left, turn and the
    slope's pull ahead and left, m/s²; `command` (n, 2) in force from the row on; `wheels` (n, 2): wheel odometry."""

    friction: float
    slope_rad: float
    patches: int
    truth: Array
    seen: Array
    command: Array
    wheels: Array


def record(seed: int, seconds: float) -> Mission:
    """One mission on one ground, both drawn by `seed`."""
    rng = np.random.default_rng([seed, 20])
    friction = 1.0 if rng.random() < 0.08 else float(np.exp(rng.uniform(np.log(0.05), np.log(0.8))))
    slope = float(rng.uniform(0.0, min(0.12, 0.5 * friction))) if rng.random() < 0.4 else 0.0
    patches = int(rng.integers(4, 10)) if rng.random() < 0.35 else 0
    rows = [
        f"{rng.uniform(-9, 9):.3f} {rng.uniform(-9, 9):.3f} {rng.uniform(0.7, 2.5):.3f} "
        f"{np.exp(rng.uniform(np.log(0.05), np.log(0.8))):.3f}"
        for _ in range(patches)
    ]
    ground = SimulatorParameters(
        ground_friction=friction, ground_slope_rad=slope, ground_slope_direction_rad=float(rng.uniform(-3.1, 3.1)),
        ground_patches=";".join(rows),
    )  # fmt: skip
    return drive(ground, driver(rng), seconds, rng)


Driver = Callable[[float, Array], tuple[float, float]]


def drive(parameters: SimulatorParameters, decide: Driver, seconds: float, rng: np.random.Generator) -> Mission:
    """Record `decide(time_s, seen state (6,)) -> command` on a ground."""
    robot = load_robot(parameters.robot)
    model = build_model(OPEN_GROUND, robot, 0)
    data = mujoco.MjData(model)
    ground, body, base = Ground(parameters, model, data), Body(model, data), Base(robot.limits)
    mujoco.mj_step(model, data, 300)
    scale = 1.0 + p.WHEEL_SCALE_SIGMA * rng.standard_normal(2)
    wander, tilt = WANDER * rng.standard_normal(3), TILT_SIGMA_RAD * rng.standard_normal(2)
    fade = math.exp(-ROW_S / WANDER_S)
    rows: list[Array] = []
    for k in range(round(seconds / ROW_S)):
        rotation = body.rotation
        linear, turn = rotation.T @ body.velocity_mps, body.turn_rate_rps[2]
        pose = body.planar_pose()
        twist = np.array([linear[0], linear[1], turn])
        fresh = math.sqrt(1.0 - fade * fade)
        wander = fade * wander + fresh * WANDER * rng.standard_normal(3)
        tilt = fade * tilt + fresh * TILT_SIGMA_RAD * rng.standard_normal(2)
        seen = twist + wander + WHITE * rng.standard_normal(3)
        pull = (rotation.T @ ground.gravity_mps2)[:2] + p.GRAVITY_MPS2 * tilt
        command = decide(k * ROW_S, np.concatenate([pose, seen]))
        base.hear(*command, k * ROW_S)
        spin = data.qvel[6:8] * p.WHEEL_RADIUS_M * scale + p.WHEEL_SIGMA_MPS * rng.standard_normal(2)
        wheels = np.array([0.5 * spin.sum(), (spin[1] - spin[0]) / (2.0 * p.HALF_TRACK_M)])
        rows.append(np.concatenate([pose, twist, seen, pull, command, wheels]))
        for frame in range(FRAMES):
            ground.update()
            data.ctrl[:] = base.wheel_speeds(k * ROW_S + frame * p.FRAME_S, p.FRAME_S)
            mujoco.mj_step(model, data, round(p.FRAME_S / p.TIME_STEP_S))
        mujoco.mj_kinematics(model, data)
    table = np.array(rows)
    table[:, 2] = np.unwrap(table[:, 2])
    return Mission(
        parameters.ground_friction, parameters.ground_slope_rad, parameters.ground_patches.count(";") + 1
        if parameters.ground_patches else 0, table[:, :6], table[:, 6:11], table[:, 11:13], table[:, 13:15],
    )  # fmt: skip


def driver(rng: np.random.Generator) -> Driver:
    """Half the missions are driven to points, the others by drawn commands."""
    return _to_points(rng) if rng.random() < 0.5 else _drawn(rng)


def _drawn(rng: np.random.Generator) -> Driver:
    """Targets held for a while, approached at a drawn rate (or at once)."""
    abrupt = rng.random() < 0.35
    every = int(rng.integers(1, 3))  # 50 or 25 commands a second
    now, target, until, rate = np.zeros(2), np.zeros(2), 0.0, np.ones(2)

    def decide(time_s: float, _: Array) -> tuple[float, float]:
        nonlocal now, target, until, rate
        if round(time_s / ROW_S) % every == 0:
            if time_s >= until:
                until = time_s + rng.uniform(0.5, 4.0)
                kind = rng.choice(5, p=[0.35, 0.2, 0.15, 0.15, 0.15])
                speed, turn = rng.uniform(0.2, SPEED_MPS), rng.uniform(-TURN_RPS, TURN_RPS)
                options = (
                    (speed, 0.7 * turn),
                    (speed, 0.0),
                    (0.0, turn),
                    (0.0, 0.0),
                    (-rng.uniform(0, BACK_MPS), turn / 2),
                )
                target = np.array(options[kind])
                rate = np.array([rng.uniform(0.5, 2.5), rng.uniform(1.5, 5.0)]) if not abrupt else np.full(2, 1e3)
            now = now + np.clip(target - now, -rate * ROW_S * every, rate * ROW_S * every)
        return float(now[0]), float(now[1])

    return decide


def _to_points(rng: np.random.Generator) -> Driver:
    """As the controller: turn on the spot when far off, curve to the point, brake into it, stand, go on."""
    cruise, accelerate = rng.uniform(0.5, SPEED_MPS), rng.uniform(0.5, 1.5)
    brake, eager = rng.uniform(0.5, 1.5), rng.uniform(1.5, 3.0)
    goal, rest, now = rng.uniform(-8.0, 8.0, 2), 0.5, np.zeros(2)

    def decide(time_s: float, state: Array) -> tuple[float, float]:
        nonlocal goal, rest, now
        to = goal - state[:2]
        far, off = float(np.hypot(*to)), float(wrap(np.arctan2(to[1], to[0]) - state[2]))
        if rest > 0.0:
            rest, want = rest - ROW_S, np.zeros(2)
        elif far < 0.25:
            through = rng.random() < 0.4
            goal, rest, want = rng.uniform(-8.0, 8.0, 2), 0.0 if through else rng.uniform(0.3, 1.5), now
        else:
            speed = min(cruise, math.sqrt(2.0 * brake * far)) * max(0.0, math.cos(off)) * (abs(off) < 1.0)
            want = np.array([speed, np.clip(eager * off, -TURN_RPS, TURN_RPS)])
        most = np.array([accelerate if want[0] > now[0] else brake, 3.0]) * ROW_S
        now = now + np.clip(want - now, -most, most)
        return float(now[0]), float(now[1])

    return decide


def record_all(
    folder: Path, seeds: Iterable[int], seconds: float, report: Callable[[float, float], None]
) -> list[Mission]:
    """The missions of some seeds; those already in `folder` are read."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted, missions = list(seeds), []
    for seed in wanted:
        path = folder / f"mission_{seed:04d}_{seconds:.0f}s.npz"
        mission = _read(path)
        if mission is None:
            mission = record(seed, seconds)
            part = path.with_suffix(".part.npz")
            np.savez_compressed(part, **mission._asdict())
            part.replace(path)
        missions.append(mission)
        report(len(missions), len(wanted))
    return missions


def _read(path: Path) -> Mission | None:
    try:
        with np.load(path) as table:
            return Mission(float(table["friction"]), float(table["slope_rad"]), int(table["patches"]),
                           *(table[name] for name in Mission._fields[3:]))  # fmt: skip
    except (OSError, ValueError, KeyError):
        return None
