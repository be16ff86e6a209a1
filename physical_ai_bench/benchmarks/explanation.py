"""Does what the model attends to agree with what it needs: attention against perturbation, part by part."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from physical_ai_bench.page import Page
from physical_ai_core.errors import InputError
from physical_ai_core.geometry import Array
from physical_ai_learning.language.dataset import examples
from physical_ai_planner.language.explain import Explainer
from physical_ai_planner.language.explain_picture import write_picture
from physical_ai_planner.language.heads import SHOWN, agreement, choose_heads, heads_file, save_heads, share_of
from physical_ai_planner.language.parts import parts_of, words_of

FIT_SEED: Final = 40
JUDGE_SEED: Final = 41
Read = tuple[str, Array, Array]  # kind of part, attention (layers, heads, words), lost (words,)
Report = Callable[[str, float, float], None]

ABOUT: Final = """`physical-ai bench explanation`: sentences drawn by the generator, half of each language, goal lines
as they should be. Agreement is Spearman's rank correlation over the words of a sentence between the
attention of a part of the goal line and what that part's probability loses when a word is left out.
*All heads*: mean over every layer and head. *Chosen heads*: {heads} a kind of part, chosen on {fit}
other sentences of the training split; judged on {n} sentences whose templates training has not
seen. *Shown*: share of parts with {shown} or more, which is what an operator gets to see.""".replace("\n", " ")


def read_parts(explainer: Explainer, seed: int, split: str, count: int, report: Callable[[int], None]) -> list[Read]:
    """Attention and loss of every part of `count` sentences of each language."""
    found: list[Read] = []
    drawn = [e for tongue in ("en", "ja") for e in itertools.islice(examples(seed, split, tongue), count)]
    for number, example in enumerate(drawn):
        report(number)
        spans, parts = words_of(example.text), parts_of(example.target)
        if len(spans) < 4 or not parts or example.target.startswith(("ask", "no")):
            continue
        attention = explainer.attention(example.text, example.target, spans, parts)
        lost = explainer.lost(example.text, example.target, spans, parts)
        found += [(part.kind, attention[:, :, k], lost[k]) for k, part in enumerate(parts)]
    return found


def explanation_page(model: str, fit: int, judge: int, picture: Path, sentences: Sequence[tuple[str, str]],
                     report: Report) -> Page:  # fmt: skip
    """Choose heads (kept beside the model's adapter), judge them, and draw some sentences into `picture`.

    Raises InputError where too few sentences are asked for to tell anything.
    """
    if fit < 10 or judge < 10:
        raise InputError("Fewer than 10 sentences tell nothing.", "Ask for 40 or more of each language.")
    explainer = Explainer(model, heads={})
    seen = read_parts(explainer, FIT_SEED, "train", fit, lambda k: report("sentences to choose by", k, 2 * fit))
    heads = choose_heads(seen)
    save_heads(heads_file(model), heads)
    held = read_parts(explainer, JUDGE_SEED, "test", judge, lambda k: report("sentences to judge by", k, 2 * judge))
    by_kind: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for kind, attention, lost in held:
        plain = agreement(share_of(attention, None), lost)
        chosen = agreement(share_of(attention, heads.get(kind, heads[""])), lost)
        for name in (kind, "**all parts**"):
            by_kind[name].append((plain, chosen))
    rows = []
    for kind, pairs in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        values = np.array(pairs)
        mean, shown = values.mean(axis=0), (values >= SHOWN).mean(axis=0)
        rows.append((kind, str(len(pairs)), f"{mean[0]:.2f}", f"{mean[1]:.2f}", f"{shown[0]:.0%}", f"{shown[1]:.0%}"))
    drawn = Explainer(model, heads)
    write_picture([drawn.explain(text, line) for text, line in sentences], picture)
    header = (
        "part",
        "parts",
        "agreement, all heads",
        "agreement, chosen heads",
        "shown, all heads",
        "shown, chosen heads",
    )
    about = ABOUT.format(heads=len(heads[""]), fit=2 * fit, n=2 * judge, shown=SHOWN)
    notes = "Leaving out one of several words that say the same costs nothing, so a part may rightly have no reason."
    return Page("explanation", "Which words led to which part of the goal", about, header, rows, notes)
