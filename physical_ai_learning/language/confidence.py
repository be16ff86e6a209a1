"""How far a line's probability is to be trusted: a temperature, and the confidence below which to ask back.

Fitted on generated orders of unseen phrases, each on a site of its own, written under the runtime's grammar. The
threshold is the lowest at which wrong but executed goals are rare enough: so it costs the fewest questions.
"""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from physical_ai_learning.language.dataset import Example, examples
from physical_ai_learning.language.form import Form
from physical_ai_learning.language.lora import Adapter, read_adapter, write_adapter
from physical_ai_learning.language.orders import judged
from physical_ai_learning.language.reward import Verdict
from physical_ai_learning.language.sampling import Bound, Written, write_lines
from physical_ai_learning.language.vocabulary import Vocabulary
from physical_ai_planner.language.doubt import MIN_CONFIDENCE, Doubt

MOST_WRONG: Final = 0.005
Report = Callable[[str, float, float], None]


class Seen(NamedTuple):
    """One order: the probability of the line's least sure token, and what the line was worth."""

    sure: float
    verdict: Verdict


@dataclass(frozen=True)
class Calibration:
    temperature: float
    min_confidence: float  # after the temperature
    sentences: int
    wrong_before: float  # share of wrong but executed goals without a threshold
    wrong: float
    asked: float  # share that the threshold turns into questions
    right: float  # share right and executed, asked or refused as meant, above the threshold


def fit(seen: Sequence[Seen], most_wrong: float = MOST_WRONG) -> Calibration:
    """Temperature by likelihood of being right, threshold by the share of wrong but executed goals.

    Fewer orders than three over the share cannot show that it holds (rule of three): the default threshold stays then.
    """
    temperature = _temperature(seen)
    doubt = Doubt(temperature=temperature)
    sure = np.array([doubt.calibrated(s.sure) for s in seen])
    wrong = np.array([s.verdict is Verdict.WRONG for s in seen], bool)
    fine = np.array([s.verdict is Verdict.RIGHT for s in seen], bool)
    total = max(1, len(seen))
    threshold = 0.0 if len(seen) * most_wrong >= 3.0 else MIN_CONFIDENCE
    allowed = int(most_wrong * total)
    ranked = np.sort(sure[wrong])[::-1]  # the surest wrong goals first
    if len(ranked) > allowed:
        threshold = max(threshold, float(min(0.999, np.nextafter(ranked[allowed], 1.0))))
    above = sure >= threshold
    return Calibration(
        round(temperature, 4), round(math.ceil(threshold * 1e4) / 1e4, 4), len(seen), float(wrong.sum() / total),
        float((wrong & above).sum() / total), float((~above).sum() / total), float((fine & above).sum() / total),
    )  # fmt: skip


def _temperature(seen: Sequence[Seen]) -> float:
    """The temperature under which probabilities say best whether a line is right (one-parameter Platt scaling)."""
    p = np.clip([s.sure for s in seen], 1e-6, 1.0 - 1e-6)
    odds = np.log(p / (1.0 - p))
    fine = np.array([s.verdict is Verdict.RIGHT for s in seen], np.float64)
    if len(seen) < 10 or fine.min() == fine.max():
        return 1.0
    grid = np.exp(np.linspace(math.log(0.25), math.log(10.0), 200))
    scaled = odds[None] / grid[:, None]
    loss = np.logaddexp(0.0, -scaled) * fine + np.logaddexp(0.0, scaled) * (1.0 - fine)
    return float(grid[int(loss.mean(1).argmin())])


def bound_lines(
    model: Any, adapter: Adapter | None, words: Vocabulary, form: Form, texts: Sequence[str], variant: str,
    report: Report, *, before: str = "", at_once: int = 16,
) -> list[Written]:  # fmt: skip
    """Lines under the runtime's grammar for normalised sentences, many at once. `before`: text before each prompt."""
    heads = words.heads(texts, before)
    order = sorted(range(len(texts)), key=lambda i: len(heads[i]))
    found: dict[int, Written] = {}
    for at in range(0, len(order), at_once):
        part = order[at : at + at_once]
        choose = Bound(form.matchers([texts[i] for i in part], variant))
        for i, (line,) in zip(
            part, write_lines(model, adapter, [heads[i] for i in part], choose, words.end), strict=True
        ):
            found[i] = line
        report("sentences", min(at + at_once, len(order)), len(order))
    return [found[i] for i in range(len(texts))]


def observe(
    model: Any, adapter: Adapter, folder: Path, variant: str, count: int, report: Report, *, seed: int = 13,
    at_once: int = 16,
) -> list[Seen]:  # fmt: skip
    """Judge generated orders of unseen phrases, half in each language."""
    words = Vocabulary(folder)
    form = Form(folder, words.size, words.end, words.kept)
    part: list[Example] = []
    for language in ("en", "ja"):
        part += itertools.islice(examples(seed, "test", language), -(-count // 2))
    if words.kept is not None:
        heads = words.heads([e.text for e in part])
        part = [e for e, ids in zip(part, heads, strict=True) if words.kept.issuperset(ids)]
    random.Random(seed).shuffle(part)
    lines = bound_lines(model, adapter, words, form, [e.text for e in part], variant, report, at_once=at_once)
    texts = [words.text(w.ids) if w.finished else "" for w in lines]
    verdicts = judged([(e, [text], n) for n, (e, text) in enumerate(zip(part, texts, strict=True))], "confidence")
    return [Seen(w.sure, v[0]) for w, v in zip(lines, verdicts, strict=True)]


def store(folder: Path, variant: str, calibration: Calibration) -> None:
    """Write a calibration into the adapter's header and beside it."""
    tensors, _ = read_adapter(folder)
    doubt = {"temperature": calibration.temperature, "min_confidence": calibration.min_confidence}
    write_adapter(folder, tensors, {"variant": variant, **doubt})
    (folder / "confidence.json").write_text(json.dumps(asdict(calibration), indent=1) + "\n", encoding="utf-8")
