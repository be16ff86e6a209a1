"""The bench of the MPC's solvers believes no solver: it looks at every answer itself."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from physical_ai_bench.benchmarks import mpc
from physical_ai_bench.benchmarks.mpc import Looked, Way, _Answer, load_scenario, look, mpc_page, run
from physical_ai_control.mpc.benchmark import HpipmController, RiccatiController
from physical_ai_core.errors import InputError

TOY = """
import time
import numpy as np
N, DT, TS, T_SIM, M, DSAFE = 8, 0.1, 0.05, 1.0, 2, 0.5
XMIN, XMAX = np.array([-1e3, -1e3, -1e3, -0.3, -1.5]), np.array([1e3, 1e3, 1e3, 1.0, 1.5])
UMAX, Q, R, ZL, ZQ = np.array([1.5, 3.0]), np.array([4.0, 4.0, 0.5, 1.0, 0.1]), np.array([0.1, 0.05]), 50.0, 500.0
QN = 5 * Q

def rk4_np(x, u, h):
    f = lambda x: np.array([x[3] * np.cos(x[2]), x[3] * np.sin(x[2]), x[4], u[0], u[1]])
    a = f(x); b = f(x + h / 2 * a); c = f(x + h / 2 * b); d = f(x + h * c)
    return x + h / 6 * (a + 2 * b + 2 * c + d)

class Scenario:
    def __init__(self, seed):
        self.x = np.array([0.0, 0.1 * seed, 0.0, 0.0, 0.0])
    def pred(self, t, n, dt):
        k = np.arange(M)
        return np.tile(np.c_[1.0 + k, 0.3 * (-1.0) ** k], (n + 1, 1, 1))
    def ref(self, n, dt):
        k = np.arange(n + 1)
        return np.c_[self.x[0] + 0.07 * k, 0 * k, 0 * k, 0 * k + 0.7, 0 * k]
    def step(self, u):
        self.x = rk4_np(self.x, u, TS)

def closed_loop(ctrl, seeds=(0,), steps=None, verbose=True, name=None):
    times, fail = [], 0
    for seed in seeds:
        sc = Scenario(seed)
        ctrl.reset(sc.x.copy(), sc.ref(N, DT))
        for i in range(steps or 20):
            ref, ob, x0 = sc.ref(N, DT), sc.pred(0.0, N, DT), sc.x.copy()
            begun = time.thread_time_ns()
            u, ok = ctrl.solve(x0, ref, ob)
            times.append((time.thread_time_ns() - begun) / 1e3)
            fail += not ok
            sc.step(u)
    return dict(p50=1.0, p99=2.0, max=max(times), J=1.0, fail=fail, coll=0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "toy.py"
    file.write_text(TOY)
    return file


def own(scenario: ModuleType, iterations: int = 1) -> RiccatiController:
    return RiccatiController(scenario, iterations)


def test_the_suites_solver_and_hpipm_drive_the_loop_and_no_answer_is_refused(path: Path) -> None:
    for make in (own, lambda s: HpipmController(s, 1)):
        scenario = load_scenario(path)
        result, looked = run(scenario, make(scenario), (0, 1), 12, "")
        assert looked.solves == 24 and looked.failures == 0 and result["fail"] == 0


def test_solver_and_peer_give_the_same_first_input(path: Path) -> None:
    scenario = load_scenario(path)
    state = scenario.Scenario(1)
    asked = (state.x, state.ref(scenario.N, scenario.DT), state.pred(0.0, scenario.N, scenario.DT))
    first, second = (controller.solve(*asked)[0] for controller in (own(scenario), HpipmController(scenario, 1)))
    np.testing.assert_allclose(first, second, atol=0.02)


def test_an_answer_that_breaks_anything_is_refused_whatever_its_solver_says(path: Path) -> None:
    scenario = load_scenario(path)
    controller = own(scenario)
    state = scenario.Scenario(0)
    obstacles = state.pred(0.0, scenario.N, scenario.DT)
    controller.solve(state.x, state.ref(scenario.N, scenario.DT), obstacles)
    good = _Answer(state.x, obstacles, controller.states, controller.inputs, controller.slack)
    spoilt = (
        good._replace(states=good.states + 0.01), good._replace(inputs=good.inputs + 2.0),
        good._replace(states=good.states * np.nan), good._replace(obstacles=good.states[:, None, :2] + 0.1),
        good._replace(states=good.states + np.linspace(0.0, 1.0, len(good.states))[:, None]),
    )  # fmt: skip
    looked = Looked()
    look(scenario, good, looked)
    assert looked.failures == 0
    for count, answer in enumerate(spoilt, 1):
        look(scenario, answer, looked)
        assert looked.failures == count


def test_the_page_compares_both_horizons_and_names_what_could_not_run(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mpc, "OBSTACLES", (2, 3))

    def broken(scenario: ModuleType) -> RiccatiController:
        raise InputError("Not here.", "Elsewhere.")

    page = mpc_page(path, seeds=1, steps=10, ways=(Way("own", own), Way("broken", broken)))
    text = page.text()
    assert text.count("| own | 8 |") == text.count("| own | 16 |") == 1
    assert "broken: Not here." in text and "µs an obstacle" in text
    assert "Terminal set (own" in text and "0 of 10 refused" in text


def test_a_module_that_is_no_scenario_is_refused_by_what_it_lacks(path: Path, tmp_path: Path) -> None:
    path.write_text("N = 3")
    with pytest.raises(InputError, match="lacks DT"):
        load_scenario(path)
    with pytest.raises(InputError, match="no scenario module"):
        load_scenario(tmp_path / "nowhere.py")
