"""Benchmark `trajectories`: where recorded people went, and what was said of it 12 steps before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from physical_ai_bench.page import FOLDER, Page
from physical_ai_core import layouts
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_learning.world_model.recordings import FOLDS, STEP_S, read_folder
from physical_ai_learning.world_model.windows import (
    AHEAD,
    SEEN,
    Windows,
    protocol_windows,
    resampled_windows,
)
from physical_ai_world_model.kalman.motion import MotionModel
from physical_ai_world_model.kalman.tracks import Tracks
from physical_ai_world_model.mixture import levels, log_density
from physical_ai_world_model.parameters import WorldModelParameters
from physical_ai_world_model.predictor import Predictor
from physical_ai_world_model.ssm.crowd import Crowd, PeopleModel
from physical_ai_world_model.ssm.weights import load

FOLD_WEIGHTS: Final = Path(__file__).parents[2] / "physical_ai_learning/world_model/data/folds"
AT_ONCE: Final = 300  # people of several windows in one crowd, each window far from the others
APART_M: Final = 1000.0
SEEN_SIGMA: Final = (0.03, 0.1)  # m and m/s: the tracker's noise that the Kalman filter is told
LEVEL: Final = 0.9
EXAMPLE_PEOPLE: Final = 12
JUDGED: Final = 3000  # people of a recording whose densities and regions are computed, drawn evenly
HEADER: Final = (
    "scene", "people", "constant velocity", "Kalman", "hybrid", "best of {samples}", "drawn best of {samples}",
    "NLL Kalman", "NLL hybrid", "inside 90 % Kalman", "inside 90 % hybrid",
)  # fmt: skip
ABOUT: Final = (
    "`physical-ai bench trajectories --data DIR`: every 20 consecutive frames in which at least one person is present"
    " throughout; 8 are seen, 12 are to be said. ADE/FDE in m. *Constant velocity*: the last step goes on. *Kalman*:"
    " the project's own interacting-multiple-model filter (the node's fallback), mean of its mixture. *Hybrid*: the"
    " learnt model, run by the robot's runtime: its single best guess, the best of its {samples} modes' means, and the"
    " best of {samples} random draws from the same calibrated mixture. NLL: mean negative log-likelihood of the"
    " positions in nat a step. *Inside 90 %*: share of all steps inside the smallest region that holds 90 % of the"
    " stated mixture (of at most {judged} people a recording). {how}"
)


@dataclass(frozen=True)
class Example:
    """One window to look at: seen (n, 8, 2), truth (n, 12, 2), ways (n, K, 12, 2) and their weights (n, K)."""

    seen: Array
    truth: Array
    ways: Array
    weight: Array


@dataclass
class Forecasts:
    """Errors of n people: ADE and FDE (n, 2) by method, NLL and level of the mixture's region (n, 12) by method."""

    errors: dict[str, list[Array]] = field(default_factory=dict)
    nll: dict[str, list[Array]] = field(default_factory=dict)
    level: dict[str, list[Array]] = field(default_factory=dict)
    several: list[NDArray[np.bool_]] = field(default_factory=list)
    example: Example | None = None  # the window with most people to predict, of those that are no throng

    def take(self, name: str, way: Array, truth: Array) -> None:
        """A way (n, 12, 2), or the best of several (n, K, 12, 2) by ADE and by FDE."""
        away = np.linalg.norm(way - (truth if way.ndim == 3 else truth[:, None]), axis=-1)
        both = np.stack([away.mean(axis=-1), away[..., -1]], axis=-1)
        self.errors.setdefault(name, []).append(both if way.ndim == 3 else both.min(axis=1))

    def judge(self, name: str, mean: Array, covariance: Array, weight: Array, truth: Array) -> None:
        """Density and region of a mixture: mean (n, K, 12, 2), covariance (n, K, 12, 3), weight (n, K)."""
        steps = range(truth.shape[1])
        args = [(mean[:, :, k], covariance[:, :, k], weight) for k in steps]
        self.nll.setdefault(name, []).append(
            np.stack([-log_density(*a, truth[:, k : k + 1])[:, 0] for k, a in zip(steps, args, strict=True)], axis=1)
        )
        self.level.setdefault(name, []).append(
            np.stack([levels(*a, truth[:, k]) for k, a in zip(steps, args, strict=True)], axis=1)
        )

    def error(self, name: str) -> Array:
        return np.asarray(np.concatenate(self.errors[name]).mean(axis=0))

    def error_of_several(self, name: str) -> Array:
        """Only of windows with at least two people, as some publish it."""
        return np.asarray(np.concatenate(self.errors[name])[np.concatenate(self.several)].mean(axis=0))

    def inside(self, name: str) -> Array:
        """Share (12,) inside the 90 % region by step."""
        return np.asarray((np.concatenate(self.level[name]) <= LEVEL).mean(axis=0))


def trajectories_page(
    data: Path, model: Path | None = None, samples: int = 20, step_s: float | None = None, folder: Path = FOLDER,
    report: Callable[[float], None] = lambda share: None, name: str = "trajectories",
) -> Page:  # fmt: skip
    """Leave-one-scene-out with the five weights where the folder holds the five scenes and no model is named; else
    every file with the one model. Raises InputError, ModelError."""
    recordings = read_folder(data, step_s)
    if model is None and all(scene in recordings for names in FOLDS.values() for scene in names):
        scenes: Mapping[str, Sequence[str]] = FOLDS
        weights = {fold: FOLD_WEIGHTS / f"{fold}.safetensors" for fold in FOLDS}
        how = "Each scene is judged by weights that never saw it, neither in training nor in calibration."
    else:
        scenes = {scene: (scene,) for scene in recordings}
        weights = {scene: model or _shipped() for scene in recordings}
        how = "One model for every file; the weights that ship were trained on the first nine tenths of ETH/UCY."
    results: dict[str, Forecasts] = {}
    true_time: dict[str, Forecasts] = {}
    for number, (scene, names) in enumerate(scenes.items()):
        learnt = PeopleModel(load(weights[scene]))
        results[scene] = Forecasts()
        for part in names:
            _forecast(protocol_windows(recordings[part]), learnt, samples, results[scene])
        slower = [recordings[part] for part in names if recordings[part].step_s > 1.2 * STEP_S]
        if slower:
            true_time[scene] = Forecasts()
            for recording in slower:
                windows = resampled_windows(recording, STEP_S, SEEN, STEP_S, STEP_S)
                _forecast(windows, learnt, samples, true_time[scene])
        report((number + 1) / len(scenes))
    rows = [_row(scene, result) for scene, result in results.items() if result.errors]
    if not rows:
        raise InputError(
            f"No file in {data} has 20 frames with somebody present throughout.", "Give longer recordings."
        )
    if len(results) > 1:
        rows.append(_average(results))
    if true_time:
        rows += [_row(f"{scene} at {STEP_S} s a step", result) for scene, result in true_time.items()]
    if true_time and len(results) > 1:
        rows.append(["**average with it**", *_average({**results, **true_time})[1:]])
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(results, folder / f"{name}.png")
    several = np.mean([np.concatenate([r.error_of_several(k) for k in ("hybrid", "best")]) for r in results.values()
                       if r.errors and np.concatenate(r.several).any()], axis=0)  # fmt: skip
    notes = (
        "`biwi_eth` runs at 0.667 s a step, so that its 12 steps are 8 s, and the model is told so; the average is of"
        " the protocol as it is. The rows below it show the same scene, and the average with it, at 0.4 s a step of"
        " true time (positions by a spline), as some of the published tables take it. Counting only windows with at"
        " least two people, as some tables do, the averages are"
        f" {several[0]:.3f}/{several[1]:.3f} (hybrid) and {several[2]:.3f}/{several[3]:.3f} (best of {samples})."
    )
    header = [text.format(samples=samples) for text in HEADER]
    about = ABOUT.format(samples=samples, how=how, judged=JUDGED)
    return Page(name, "Where people go", about, header, rows, notes, [picture.name])


def _shipped() -> Path:
    from physical_ai_world_model.ssm.weights import default_folder

    return default_folder()


def _row(scene: str, result: Forecasts) -> list[str]:
    pair = [f"{a:.3f}/{b:.3f}" for a, b in (result.error(k) for k in ("constant", "kalman", "hybrid", "best", "drawn"))]
    nll = [f"{np.concatenate(result.nll[k]).mean():.2f}" for k in ("kalman", "hybrid")]
    inside = [f"{100 * result.inside(k).mean():.1f} %" for k in ("kalman", "hybrid")]
    return [scene, str(len(np.concatenate(result.several))), *pair, *nll, *inside]


def _average(results: Mapping[str, Forecasts]) -> list[str]:
    found = [r for r in results.values() if r.errors]
    pair = [np.mean([r.error(k) for r in found], axis=0) for k in ("constant", "kalman", "hybrid", "best", "drawn")]
    nll = [np.mean([np.concatenate(r.nll[k]).mean() for r in found]) for k in ("kalman", "hybrid")]
    inside = [np.mean([r.inside(k).mean() for r in found]) for k in ("kalman", "hybrid")]
    count = sum(len(np.concatenate(r.several)) for r in found)
    return ["**average**", str(count), *[f"{a:.3f}/{b:.3f}" for a, b in pair], *[f"{v:.2f}" for v in nll],
            *[f"{100 * v:.1f} %" for v in inside]]  # fmt: skip


def _forecast(windows: Windows, model: PeopleModel, samples: int, result: Forecasts) -> None:
    """Every window of a recording by every method."""
    if not len(windows.window):
        return
    stays = windows.stays
    count = np.bincount(windows.window[stays], minlength=int(windows.window[-1]) + 1)
    parts = np.cumsum(np.bincount(windows.window)) // AT_ONCE
    rng = np.random.default_rng(0)
    judged = JUDGED / max(JUDGED, int(stays.sum()))
    for k in range(int(parts[-1]) + 1):
        rows = np.flatnonzero(parts[windows.window] == k)
        if not stays[rows].any():
            continue
        mine = stays[rows]
        truth = windows.ahead_m[rows[mine]]
        seen = windows.seen_m[rows[mine]]
        result.several.append(np.asarray(count[windows.window[rows[mine]]] > 1))
        result.take(
            "constant", seen[:, -1:] + np.arange(1, AHEAD + 1)[:, None] * (seen[:, -1:] - seen[:, -2:-1]), truth
        )
        mean, covariance, weight = kalman(windows, seen)
        result.take("kalman", np.einsum("nk,nktd->ntd", weight, mean), truth)
        chosen = rng.random(len(truth)) < judged
        result.judge("kalman", mean[chosen], covariance[chosen], weight[chosen], truth[chosen])
        guess, mean, covariance, weight = hybrid(model, windows, rows, mine)
        result.take("hybrid", guess, truth)
        _look(windows.window[rows[mine]], Example(seen, truth, mean, weight), result)
        result.take("best", _best(mean, weight, samples), truth)
        result.take("drawn", drawn(mean, covariance, weight, samples, rng), truth)
        result.judge("hybrid", mean[chosen], covariance[chosen], weight[chosen], truth[chosen])


def _look(window: NDArray[np.int64], all_of: Example, result: Forecasts) -> None:
    """Keep the window with most people, up to a dozen, whose neighbours can be told apart in a picture."""
    numbers, counts = np.unique(window, return_counts=True)
    counts = np.where(counts <= EXAMPLE_PEOPLE, counts, 0)
    most = int(counts.max())
    if most > (0 if result.example is None else len(result.example.seen)):
        here = window == numbers[counts.argmax()]
        result.example = Example(all_of.seen[here], all_of.truth[here], all_of.ways[here], all_of.weight[here])


def _heaviest(weight: Array, samples: int) -> NDArray[np.int64]:
    return np.asarray(np.argsort(-weight, axis=1)[:, :samples])


def _best(mean: Array, weight: Array, samples: int) -> Array:
    """Means (n, samples, 12, 2) of the heaviest modes."""
    chosen = _heaviest(weight, samples)
    return np.asarray(np.take_along_axis(mean, chosen[:, :, None, None], axis=1))


def drawn(mean: Array, covariance: Array, weight: Array, samples: int, rng: np.random.Generator) -> Array:
    """Random ways (n, samples, 12, 2): a mode by its weight, then one draw that all steps of the way share."""
    n, modes = weight.shape
    total = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)
    mode = np.minimum((rng.random((n, samples, 1)) > total[:, None]).sum(axis=-1), modes - 1)
    rows = np.arange(n)[:, None]
    centre, (xx, xy, yy) = mean[rows, mode], np.moveaxis(covariance[rows, mode], -1, 0)
    z = rng.normal(size=(n, samples, 1, 2))
    first = np.sqrt(xx)
    second = np.sqrt(np.maximum(yy - (xy / first) ** 2, 0.0))
    return np.asarray(centre + np.stack([first * z[..., 0], xy / first * z[..., 0] + second * z[..., 1]], axis=-1))


def hybrid(
    model: PeopleModel, windows: Windows, rows: NDArray[np.int64], mine: NDArray[np.bool_]
) -> tuple[Array, Array, Array, Array]:
    """Best guess (n, 12, 2) and mixture of those who stay, by the robot's runtime, one observation after the other."""
    crowd = Crowd(model)
    offset = np.column_stack([windows.window[rows] * APART_M, np.zeros(len(rows))])
    seen = windows.seen_m[rows] + offset[:, None]
    ids = np.arange(len(rows))
    for k, stamp_s in enumerate(windows.stamps_s):
        here = np.isfinite(seen[:, k, 0])
        if here.any():
            crowd.observe(ids[here], seen[here, k], float(stamp_s))
    at_s: Array = np.arange(1, AHEAD + 1, dtype=np.float64) * windows.step_s
    horizon_s = AHEAD * windows.step_s
    fans = crowd.predict(ids[mine], at_s, 0.0, horizon_s=horizon_s)
    guess = crowd.best_guess(ids[mine], at_s, 0.0, horizon_s)
    shift = offset[mine]
    return guess - shift[:, None], fans.mean_m - shift[:, None, None], fans.covariance, fans.weight


def kalman(windows: Windows, seen: Array) -> tuple[Array, Array, Array]:
    """The node's own filter over what was seen (n, 8, 2), velocities by differences."""
    p = WorldModelParameters()
    models = (MotionModel("cruise", 0.0, p.cruise_psd), MotionModel("slow", p.slow_damping_per_s, p.slow_psd))
    tracks = Tracks(models, p.dwell_s, AHEAD * windows.step_s, p.measurement_inflation)
    rows = layouts.empty(layouts.OBJECT, len(seen))
    rows["id"], rows["class_id"], rows["radius"] = np.arange(len(seen)), 2, 0.3
    spread = np.diag(np.repeat(SEEN_SIGMA, 2)) ** 2
    layouts.set_covariances(rows, np.tile(spread, (len(seen), 1, 1)))
    for k in range(1, seen.shape[1]):
        rows["x"], rows["y"] = seen[:, k].T
        rows["vx"], rows["vy"] = ((seen[:, k] - seen[:, k - 1]) / windows.step_s).T
        tracks.observe(rows, float(windows.stamps_s[k]))
    fan = Predictor(models, AHEAD * windows.step_s, windows.step_s).fan(tracks.at(0.0), tracks.static)
    cov = fan.cov[:, :, 1:]
    return fan.mean[:, :, 1:, :2], np.stack([cov[..., 0, 0], cov[..., 0, 1], cov[..., 1, 1]], axis=-1), fan.weight


def draw(results: Mapping[str, Forecasts], path: Path) -> Path:
    """Coverage by step, mean error by method, and one window to look at."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = {scene: r for scene, r in results.items() if r.errors}
    figure, (left, right, shown) = pyplot.subplots(1, 3, figsize=(16, 4.6), layout="constrained")
    for scene, result in found.items():
        left.plot(np.arange(1, AHEAD + 1), 100 * result.inside("hybrid"), marker="o", ms=3, label=scene)
    left.axhspan(88, 92, color="0.85", zorder=0)
    left.set(xlabel="step ahead", ylabel="inside the stated 90 % region, %", ylim=(60, 100), title="Calibration")
    left.legend(fontsize=8)
    at, width = np.arange(len(found)), 0.2
    methods = ("constant", "kalman", "hybrid", "best")
    for k, name in enumerate(methods):
        right.bar(at + (k - 1.5) * width, [r.error(name)[0] for r in found.values()], width, label=name)
    right.set(ylabel="ADE, m", title="Mean error over 12 steps")
    right.set_xticks(at, list(found), rotation=30 if len(found) > 5 else 0)
    right.legend(fontsize=8)
    _fans(shown, max(found.values(), key=lambda r: len(r.example.seen) if r.example else 0).example)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _fans(axes: Any, example: Example | None) -> None:
    """What was seen, the ways that were thought of (as dark as they were likely), and where people went."""
    if example is None:
        return
    for seen, truth, ways, weight in zip(example.seen, example.truth, example.ways, example.weight, strict=True):
        for way, share in zip(ways, weight, strict=True):
            line = np.vstack([seen[-1:], way])
            axes.plot(*line.T, color="tab:green", alpha=float(np.clip(0.08 + 3.0 * share, 0.0, 0.9)), lw=1.2)
        axes.plot(*np.vstack([seen[-1:], truth]).T, color="black", lw=1.2, ls=":")
        axes.plot(*seen.T, color="tab:blue", lw=1.8)
        axes.plot(*seen[-1], "o", color="tab:blue", ms=4)
    axes.set(title="Seen (blue), forecast (green), happened (dotted)", xlabel="m", ylabel="m")
    axes.set_aspect("equal", adjustable="datalim")
