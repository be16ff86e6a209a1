"""The language worker as the planner node runs it: start, memory, time a sentence, beside plain `generate`."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from physical_ai_bench.benchmarks.plain_generate import PlainGenerate
from physical_ai_bench.page import Page
from physical_ai_core.errors import InputError, ModelError
from physical_ai_planner.conversation import Conversation
from physical_ai_planner.language.forbidden import is_forbidden
from physical_ai_planner.language.normalise import normalise
from physical_ai_planner.language.prompt import prompt
from physical_ai_planner.language.stop_words import fast_path
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, verified_model
from physical_ai_planner.language.worker import LanguageWorker, WorkerState
from physical_ai_planner.parameters import PlannerParameters

BESIDE = "planner_language_smollm2"
SITE = "yard"  # latency does not depend on the site
STOPS = 10_000
STOP_WORDS = ("stop", "Stop!", "please stop", "STOP NOW", "halt", "freeze", "止まれ", "止まって!", "ストップ", "待て", "停止してください", "危ない", "やめて")  # noqa: E501  # fmt: skip
Report = Callable[[float, float], None]

ABOUT = (
    "`physical-ai bench language`: sentences of a file through the language worker, a process of its own as on the"
    " robot, one after the other, after a warm start. *Plain* is `generate` of transformers on the same weights, the"
    " same prompt, the same number of threads and in the same run, sentence by sentence in turn; it writes without"
    " the grammar, so its text may be no goal at all. Latency is from handing over the sentence to its goal state;"
    " memory is resident, of the whole process; CPU time is the process's own and, unlike the wall time, hardly"
    " depends on what else the machine does."
)


@dataclass
class Measured:
    """One way of reading, over all sentences. Times in s, memory in bytes."""

    load_s: float = 0.0
    load_cpu_s: float = 0.0
    resident: int = 0
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def row(self, what: str) -> str:
        wall, cpu = np.array(self.wall_s), np.array(self.cpu_s)
        values = {
            "start, wall / CPU, s": f"{self.load_s:.1f} / {self.load_cpu_s:.1f}",
            "memory, MB": f"{self.resident / 1e6:.0f}",
            "latency p50, s": f"{np.quantile(wall, 0.5):.2f}",
            "latency p95, s": f"{np.quantile(wall, 0.95):.2f}",
            "latency, longest, s": f"{wall.max():.2f}",
            "CPU a sentence, median, s": f"{np.median(cpu):.2f}",
            "CPU a sentence, mean, s": f"{cpu.mean():.2f}",
        }
        return values[what]


ROWS = (
    "start, wall / CPU, s", "memory, MB", "latency p50, s", "latency p95, s", "latency, longest, s",
    "CPU a sentence, median, s", "CPU a sentence, mean, s",
)  # fmt: skip


class Worker:
    """The worker and what it costs."""

    def __init__(self, site: str, model: str, threads: int, budget: tuple[int, float] = (1, 0.0)) -> None:
        began = time.perf_counter()
        self.worker, self.cost = LanguageWorker(site, model, threads), Measured()
        self.worker.budget = budget  # readings, and seconds for those after the first
        self.worker.start()
        while self.worker.state is WorkerState.LOADING:
            self.worker.poll()
            time.sleep(0.005)
        if self.worker.state is not WorkerState.READY or self.worker.pid is None:
            raise ModelError(self.worker.reason or "The language worker did not start.", "")
        self._process = psutil.Process(self.worker.pid)
        self.cost.load_s, self.cost.load_cpu_s = time.perf_counter() - began, self._cpu_s()
        self._count = 0

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def read(self, text: str) -> None:
        self._count += 1
        cpu, wall = self._cpu_s(), time.perf_counter()
        self.worker.submit(str(self._count), text)
        while not self.worker.poll():
            time.sleep(0.001)
        self.cost.wall_s.append(time.perf_counter() - wall)
        self.cost.cpu_s.append(self._cpu_s() - cpu)
        self.cost.resident = max(self.cost.resident, self._process.memory_info().rss)


def stop_times(worker: LanguageWorker, count: int) -> np.ndarray:
    """Seconds from each stop word to its goal, through the conversation, while the worker is busy."""
    conversation = Conversation(PlannerParameters(), worker)
    times = np.empty(count)
    for index, word in zip(range(count), itertools.cycle(STOP_WORDS), strict=False):
        if index % 500 == 0:
            conversation.hear("go to dock B, then wait there for 30 seconds", 1.0)
        began = time.perf_counter()
        heard = conversation.hear(word, 1.0)
        times[index] = time.perf_counter() - began
        if not heard:
            raise AssertionError(f"'{word}' was not taken as a stop word")
        if index % 500 == 499:
            conversation.tick(1.0)
    return times


def language_page(texts: Sequence[str], threads: int, beside: bool, report: Report) -> Page:
    """Raises ModelError where a model is not prepared."""
    folder = verified_model(load_description(DEFAULT_MODEL))
    total = len(texts) * (3 if beside else 2)
    ours = Worker(SITE, DEFAULT_MODEL, threads)
    try:
        plain = Measured()
        with PlainGenerate(folder, threads) as peer:
            plain.load_s, plain.load_cpu_s = peer.loaded_s
            process = psutil.Process(peer.pid)
            for done, text in enumerate(texts):
                ours.read(text)
                written = peer.write(prompt(normalise(text)))
                plain.wall_s.append(written.wall_s)
                plain.cpu_s.append(written.cpu_s)
                plain.resident = max(plain.resident, process.memory_info().rss)
                report(done + 1, total)
        stops = stop_times(ours.worker, STOPS)
    finally:
        ours.worker.close()
    parameters = PlannerParameters()
    budget = (parameters.readings, parameters.readings_s)
    many = _alone(DEFAULT_MODEL, texts, threads, budget, lambda done: report(len(texts) + done, total))
    other = (
        _alone(BESIDE, texts, threads, (1, 0.0), lambda done: report(2 * len(texts) + done, total)) if beside else None
    )
    return _page(ours.cost, plain, many, other, stops, len(texts), threads)


def _alone(
    model: str, texts: Sequence[str], threads: int, budget: tuple[int, float], report: Callable[[float], None]
) -> Measured:
    """All sentences through a worker of its own."""
    worker = Worker(SITE, model, threads, budget)
    try:
        for done, text in enumerate(texts, 1):
            worker.read(text)
            report(done)
    finally:
        worker.worker.close()
    return worker.cost


def _page(
    ours: Measured, plain: Measured, many: Measured, other: Measured | None, stops: np.ndarray, count: int, threads: int
) -> Page:
    rows = [(w, ours.row(w), plain.row(w), many.row(w), other.row(w) if other else "–") for w in ROWS]
    wall, cpu = np.array(plain.wall_s) / np.array(ours.wall_s), np.sum(plain.cpu_s) / np.sum(ours.cpu_s)
    rows += [
        ("**plain over ours, wall, median of the sentences**", f"**{np.median(wall):.1f} ×**", "1", "", ""),
        ("plain over ours, CPU of all sentences", f"{cpu:.1f} ×", "1", "", ""),
        ("stop word to stop goal, p50 / p99, ms", f"{1e3 * np.quantile(stops, 0.5):.3f} / {1e3 * np.quantile(stops, 0.99):.3f}", "", "", ""),  # noqa: E501
    ]  # fmt: skip
    notes = (
        f"{count} sentences, {threads} thread(s); {len(stops)} stop words, in both languages and with politeness,"
        " while a sentence is being read. *Further readings*: the planner's default budget for other ways to read the"
        " sentence, which it checks too. The model beside it has no adapter: it gets examples as a prefix, of which"
        " the KV cache is kept, and what it writes is not what was meant; only its cost is compared."
        f" Load average of the machine during the run: {os.getloadavg()[1]:.1f}; above its number of cores, wall times"
        " are too long by about their ratio, CPU times are not."
    )
    header = ("", "default model, worker", "plain `generate`", "worker, further readings too", "SmolLM2-135M, worker")
    return Page("language", "The language model's cost", ABOUT, header, rows, notes)


def some_sentences(path: Path, most: int) -> list[str]:
    """Texts of a file, evenly over it, without those that no model reads (stop words, rules). Raises InputError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        texts = [str(json.loads(line)["text"]) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", 'Give a file of lines like {"text": "…"}.') from error
    read = [text for text in texts if fast_path(text) is None and not is_forbidden(normalise(text))]
    return [read[round(at)] for at in np.linspace(0, len(read) - 1, min(most, len(read)))]
