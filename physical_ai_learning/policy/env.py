"""The vectorised world of training: routes, standing and moving obstacles, the unicycle, and the MPC's own objective.

One step is one decision: the action becomes a trajectory over the horizon (`policy.proposal`), the reward is what the
MPC would say of it in the predicted world, and the robot drives the first 0.2 s of it. With a discount of 0 the policy
learns the horizon's optimum, which is what the solver's starting point is for; above 0 it looks farther.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import gymnasium
import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv

from physical_ai_control.mpc.problem import Ocp
from physical_ai_control.policy.merit import objective
from physical_ai_control.policy.proposal import ACTIONS, ARRAYS, target, track
from physical_ai_control.policy.second import reach_of
from physical_ai_control.policy.sight import SIZE, Scene, beside, features
from physical_ai_core.geometry import Array
from physical_ai_learning.policy.places import SPACING_M, Places

MOVERS: Final = 6
DRIVEN: Final = 2  # stages of the plan that are driven until the next decision
LONGEST: Final = 60  # decisions of an episode
CRASH_M: Final = 0.3  # an episode ends where a margin is cut by more
NOISE: Final = np.array([0.004, 0.004, 0.004, 0.02, 0.04])
REACH_M: Final = 0.75  # kept from moving obstacles, centre to centre
SCALE: Final = 10.0  # cost at which the reward begins to bend
KEPT: Final = ("centre", "swing", "phase", "rate", "growth", "x", "at", "which", "age", "total", "t")


class DrivingEnv(VecEnv):
    """`count` robots at once. Observations are `sight.features`, actions are `proposal`'s."""

    def __init__(self, ocp: Ocp, circles: Array, places: Places, count: int, seed: int, speeds: tuple[float, float],
                 margin_m: float) -> None:  # fmt: skip
        """`circles (n, 2)`: the body against standing things; `speeds`: of the reference, and the most."""
        box = gymnasium.spaces.Box
        super().__init__(count, box(-10.0, 10.0, (SIZE,), np.float32), box(-1.0, 1.0, (ACTIONS,), np.float32))
        self._ocp, self._circles, self._places, self._margin_m = ocp, circles, places, margin_m
        self._cruise, top = speeds
        self._reach, self._rng = reach_of(ocp.model, top), np.random.default_rng(seed)
        self._stages = np.arange(ocp.steps + 1)
        shape = (count, MOVERS, 2)
        self._centre, self._swing, self._phase = np.zeros(shape), np.zeros(shape), np.zeros(shape[:2])
        self._rate, self._growth = np.zeros(shape[:2]), np.zeros(count)
        self._x, self._at, self._which = np.zeros((count, 5)), np.zeros(count, dtype=int), np.zeros(count, dtype=int)
        self._age, self._total, self._t = np.zeros(count, dtype=int), np.zeros(count), np.zeros(count)
        self._actions = np.zeros((count, ACTIONS))
        self.rewards: list[float] = []  # mean of each step

    def reset(self) -> Any:
        self._begin(np.ones(self.num_envs, dtype=bool))
        return self._look()

    def step_async(self, actions: Any) -> None:
        self._actions = np.asarray(actions, dtype=float)

    def step_wait(self) -> Any:
        ocp, scene = self._ocp, self._scene
        way = target(scene.x0, scene.reference, self._actions, ocp.dt_s)
        told, given = track(scene.x0.T, np.moveaxis(way, 0, -1), ocp.dt_s, self._reach, ARRAYS)
        states = np.moveaxis(np.array([np.broadcast_arrays(*x) for x in told]), -1, 0)
        inputs = np.moveaxis(np.array([np.broadcast_arrays(*u) for u in given]), -1, 0)
        slack = self._slack(scene, states)
        cost = objective(ocp, states, inputs, scene.reference, slack)
        reward = -np.log1p(cost / SCALE)
        self.rewards.append(float(reward.mean()))
        self._x = states[:, DRIVEN] + NOISE * self._rng.standard_normal((self.num_envs, 5))
        self._t += DRIVEN * ocp.dt_s
        self._age += 1
        self._follow()
        at_end = self._at > self._places.length[self._which] - 30
        crash = slack[:, : DRIVEN + 1].max(axis=(1, 2)) > CRASH_M
        done = crash | at_end | (self._age >= LONGEST)
        self._total += reward
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done):
            infos[i]["episode"] = {"r": float(self._total[i]), "l": int(self._age[i]), "t": 0.0}
        if done.any():
            for i in np.flatnonzero(done):  # only looked at where an episode is cut short, which none is
                infos[i]["terminal_observation"] = self._seen[i]
            self._begin(done)
        return self._look(), reward.astype(np.float32), done, infos

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, but the places: tensors, and where the draws stand."""
        arrays = {name: torch.from_numpy(getattr(self, f"_{name}").copy()) for name in KEPT}
        return {"arrays": arrays, "draws": self._rng.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> Any:
        """Go on as the world whose `state` this is; what is seen there now."""
        for name in KEPT:
            setattr(self, f"_{name}", state["arrays"][name].numpy().copy())
        self._rng.bit_generator.state = state["draws"]
        return self._look()

    def _begin(self, fresh: Any) -> None:
        rng, n = self._rng, int(fresh.sum())
        which = rng.integers(len(self._places.length), size=n)
        self._which[fresh] = which
        at = (rng.uniform(0.0, 0.8, n) * self._places.length[which]).astype(int)
        self._at[fresh] = at
        pose = self._places.routes[which, at]
        left = rng.normal(0.0, 0.15, n)
        x = np.zeros((n, 5))
        x[:, 0], x[:, 1] = pose[:, 0] - left * np.sin(pose[:, 2]), pose[:, 1] + left * np.cos(pose[:, 2])
        x[:, 2] = pose[:, 2] + rng.normal(0.0, 0.2, n)
        x[:, 3], x[:, 4] = rng.uniform(0.0, 1.0, n) * self._cruise, rng.normal(0.0, 0.2, n)
        self._x[fresh] = x
        ahead = at[:, None] + (rng.uniform(0.5, 10.0, (n, MOVERS)) / SPACING_M).astype(int)
        ahead = np.minimum(ahead, self._places.length[which][:, None] - 1)
        self._centre[fresh] = self._places.routes[which[:, None], ahead][..., :2] + rng.normal(0.0, 0.4, (n, MOVERS, 2))
        away = rng.uniform(size=n) < 0.4  # of some, nobody moves
        self._centre[fresh] += 100.0 * away[:, None, None]
        turn, far = rng.uniform(0.0, 2.0 * np.pi, (n, MOVERS)), rng.uniform(0.5, 2.2, (n, MOVERS))
        self._swing[fresh] = far[..., None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
        self._rate[fresh] = 2.0 * np.pi / rng.uniform(9.0, 28.0, (n, MOVERS))
        self._phase[fresh] = rng.uniform(0.0, 2.0 * np.pi, (n, MOVERS))
        self._growth[fresh] = rng.choice([0.0, 0.1], n)
        angle = self._phase[fresh]
        place = self._centre[fresh] + self._swing[fresh] * np.sin(angle)[..., None]
        touched = np.hypot(*np.moveaxis(place - x[:, None, :2], -1, 0)) < REACH_M
        self._centre[fresh] += 100.0 * touched[..., None]  # nobody begins where the robot is
        self._age[fresh] = 0
        self._total[fresh] = self._t[fresh] = 0.0

    def _follow(self) -> None:
        """The place on the route goes on to the nearest one within reach."""
        window = np.minimum(self._at[:, None] + np.arange(40), self._places.length[self._which][:, None] - 1)
        near = self._places.routes[self._which[:, None], window, :2] - self._x[:, None, :2]
        self._at = window[np.arange(self.num_envs), np.argmin((near**2).sum(axis=-1), axis=1)]

    def _look(self) -> Any:
        dt, k = self._ocp.dt_s, self._stages
        s = self._at[:, None] + self._cruise * dt / SPACING_M * k
        last = self._places.length[self._which][:, None] - 1
        low = np.minimum(s.astype(int), last - 1)
        here, later = (self._places.routes[self._which[:, None], low + i] for i in (0, 1))
        reference = np.zeros((self.num_envs, len(k), 5))
        reference[..., :3] = here + np.minimum(s - low, 1.0)[..., None] * (later - here)
        reference[..., 3] = np.where(s < last, self._cruise, 0.0)
        turn = 2.0 * np.pi * np.round((self._x[:, 2] - reference[:, 0, 2]) / (2.0 * np.pi))
        reference[..., 2] += turn[:, None]
        angle = self._rate * self._t[:, None] + self._phase
        place = self._centre + self._swing * np.sin(angle)[..., None]
        speed = self._swing * (self._rate * np.cos(angle))[..., None]
        points = place[:, None] + speed[:, None] * (dt * k)[:, None, None]
        reach = REACH_M + self._growth[:, None, None] * (dt * k)[:, None] + np.zeros((1, 1, MOVERS))
        room = self._places.clearance(self._which, beside(reference))
        self._scene = Scene(self._x, reference, points, reach, room)
        self._seen = features(self._scene)
        return self._seen

    def _slack(self, scene: Scene, states: Array) -> Array:
        gap = np.hypot(*np.moveaxis(scene.points - states[:, :, None, :2], -1, 0)) - scene.reach
        moving = np.maximum(0.0, -gap).max(axis=-1)
        ahead = np.stack([np.cos(states[..., 2]), np.sin(states[..., 2])], axis=-1)
        centres = states[:, :, None, :2] + self._circles[:, :1] * ahead[:, :, None]
        away = self._places.clearance(self._which, centres) - self._circles[:, 1] - self._margin_m
        slack = np.stack([moving, np.maximum(0.0, -away).max(axis=-1)], axis=-1)
        slack[:, 0] = 0.0
        return slack

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError(attr_name)

    def env_method(self, method_name: str, *values: Any, indices: Any = None, **named: Any) -> list[Any]:
        raise NotImplementedError(method_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs
