"""Train the planner's language adapter: LoRA on a small pretrained model, loss on the written line only.

    physical-ai train planner-language --base gemma --out OUT_DIR                # a GPU: minutes
    physical-ai train planner-language --base gemma --out OUT_DIR --smoke        # a CPU, less than 2 minutes

Sentences are drawn while it runs, seeded, each seen once. Resumes from OUT/checkpoint.pt, also in mid-chunk. Writes a
PEFT adapter in bf16 safetensors, metrics.json, metrics.jsonl and the model card.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from physical_ai_core.errors import InputError
from physical_ai_learning.language.batches import Batch, arranged, encode, fits, stream
from physical_ai_learning.language.card import write_card
from physical_ai_learning.language.course import Course, keep, kept
from physical_ai_learning.language.dataset import examples
from physical_ai_learning.language.guard import Guard
from physical_ai_learning.language.lora import Adapter
from physical_ai_learning.language.recipe import Recipe, base_folder
from physical_ai_learning.language.step import Stepper, load_base, right_lines
from physical_ai_learning.language.vocabulary import Vocabulary

Report = Callable[[str, float, float], None]
GOOD_EVERY: Final = 25  # steps between copies of the weights to go back to
SAY_EVERY: Final = 10


class Trainer:
    """Adapter, optimiser, guard and place in the data: what a checkpoint holds."""

    def __init__(self, model: Any, adapter: Adapter, recipe: Recipe, graphs: bool = True) -> None:
        self.adapter, self.recipe = adapter, recipe
        self.stepper = Stepper(model, adapter, graphs, recipe.noise)
        self.guard = Guard()
        self.optimiser = torch.optim.AdamW(
            [adapter.vector], lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=recipe.decay, fused=True
        )
        self.step = self.seen = self.tokens = 0
        self.place = (0, 0)  # chunk, batches of it already taken
        self.spent_s = 0.0  # of training, before and since the last start
        self._good = self._copy()

    def learn(self, batch: Batch, rate: float) -> tuple[float, float, str]:
        """One batch: loss, gradient norm, and the guard's verdict, already carried out."""
        loss, norm = self.stepper(batch)
        verdict = self.guard.judge(loss, norm)
        if verdict == "take":
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            scale = min(1.0, self.recipe.clip / (norm + 1e-12))
            self.adapter.vector.grad = self.stepper.gradient * scale
            self.optimiser.step()
            if self.step % GOOD_EVERY == 0:
                self._good = self._copy()
        elif verdict == "back":
            self._paste(self._good)
        self.step += 1
        self.seen += batch.sentences
        self.tokens += batch.tokens
        return loss, norm, verdict

    def state(self) -> dict[str, Any]:
        counts = {"step": self.step, "seen": self.seen, "tokens": self.tokens, "spent_s": self.spent_s}
        return {**self._copy(), **counts, "place": list(self.place), "guard": self.guard.state()}

    def restore(self, state: dict[str, Any]) -> None:
        self._paste(state)
        self._good = self._copy()
        self.step, self.seen, self.tokens = int(state["step"]), int(state["seen"]), int(state["tokens"])
        self.spent_s = float(state["spent_s"])
        self.place = (int(state["place"][0]), int(state["place"][1]))
        self.guard.restore(state["guard"])

    def _copy(self) -> dict[str, Any]:
        optimiser = self.optimiser.state_dict()
        moments = {k: v.clone() if torch.is_tensor(v) else v for k, v in optimiser["state"].get(0, {}).items()}
        return {"vector": self.adapter.vector.detach().clone(), "moments": moments}

    def _paste(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            self.adapter.vector.copy_(state["vector"])
        optimiser = self.optimiser.state_dict()
        moments = {k: v.clone() if torch.is_tensor(v) else v for k, v in state["moments"].items()}
        self.optimiser.load_state_dict({**optimiser, "state": {0: moments} if moments else {}})


def rate_at(trainer: Trainer, elapsed_s: float) -> float:
    """Linear warm-up, then a cosine to a fiftieth by the last sentence, or by the end of the time if that is first."""
    recipe = trainer.recipe
    rising = min(1.0, (trainer.step + 1) / max(1, recipe.warmup))
    part = min(1.0, max(trainer.seen / max(1, recipe.sentences), elapsed_s / recipe.seconds))
    return recipe.learning_rate * rising * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * part)))


def train(
    base: str, out: Path, recipe: Recipe, report: Report, *, resume: bool = False, workers: int = 0,
    device: str = "auto", graphs: bool = True, start: Path | None = None,
) -> tuple[dict[str, Any], Any, Adapter]:  # fmt: skip
    """Run the recipe; → the metrics it also writes, model, adapter. `start`: an adapter of its shape to begin with.

    Raises InputError where OUT holds another recipe's checkpoint, ModelError, DependencyError.
    """
    name, folder = base_folder(base)
    words = Vocabulary(folder)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    report("base model", 0, 1)
    model = load_base(folder, device)
    report("base model", 1, 1)
    adapter = Adapter(model, recipe.rank, recipe.alpha, recipe.seed)
    if start is not None:
        adapter.load(start)
    trainer = Trainer(model, adapter, recipe, graphs)
    checkpoint = out / "checkpoint.pt"
    if resume and checkpoint.exists():
        state = kept(checkpoint, device)
        if _decides(json.loads(state["recipe"])) != _decides(asdict(recipe)):
            raise InputError(f"{checkpoint} is of another recipe.", "Give the same options, or another folder.")
        trainer.restore(state)
    course = Course(out)
    try:
        last_loss = _run(trainer, folder, out, course, report, workers)
        exact = exact_lines(model, adapter, words, recipe, report)
        metrics: dict[str, Any] = {
            "base": name, "recipe": asdict(recipe), "device": device, "steps": trainer.step, "sentences": trainer.seen,
            "tokens": trainer.tokens, "train_s": round(trainer.spent_s, 1),
            "last_loss": round(last_loss, 5) if math.isfinite(last_loss) else None,
            "began_with": start.name if start is not None else None,
            "sentences_per_s": round(trainer.seen / max(trainer.spent_s, 1e-9), 1),
            "batches_refused": trainer.guard.refused, "times_gone_back": trainer.guard.returned,
            "graphs": trainer.stepper.graphs, "graphs_given_up": trainer.stepper.trouble,
            "template_disjoint_exact": exact,
        }  # fmt: skip
        course.say(trainer.step, **{f"exact_{k}": v for k, v in exact.items()})
    finally:
        course.close()
    adapter.save(out, name, {"variant": recipe.variant})
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    write_card(out)
    return metrics, model, adapter


def _decides(recipe: dict[str, Any]) -> dict[str, Any]:
    """The part of a recipe that a checkpoint must share; how long to go on may differ."""
    return {k: v for k, v in recipe.items() if k not in ("seconds", "sentences", "every", "test_sentences")}


def _run(trainer: Trainer, folder: Path, out: Path, course: Course, report: Report, workers: int) -> float:
    """Learn until the sentences or the seconds are used up; → the last loss."""
    recipe, loss = trainer.recipe, math.nan
    before_s, began = trainer.spent_s, None
    if trainer.seen >= recipe.sentences:
        return loss
    for chunk, index, batch in stream(folder, recipe, workers, *trainer.place):
        began = time.monotonic() if began is None else began  # the first batch is awaited, not counted
        elapsed_s = before_s + time.monotonic() - began
        if trainer.seen >= recipe.sentences or elapsed_s >= recipe.seconds:
            break
        rate = rate_at(trainer, elapsed_s)
        loss, norm, verdict = trainer.learn(batch, rate)
        trainer.place = (chunk, index + 1)
        trainer.spent_s = before_s + time.monotonic() - began
        if verdict != "take" or trainer.step % SAY_EVERY == 0:
            course.say(trainer.step, loss=loss, norm=norm, rate=rate, seen=trainer.seen, seconds=trainer.spent_s,
                       **({"refused": verdict} if verdict != "take" else {}))  # fmt: skip
        report("sentences", min(trainer.seen, recipe.sentences), recipe.sentences)
        if trainer.step % recipe.every == 0:
            keep(out / "checkpoint.pt", {**trainer.state(), "recipe": json.dumps(asdict(recipe))})
            trainer.adapter.save(out, folder.name, {"variant": recipe.variant})
    keep(out / "checkpoint.pt", {**trainer.state(), "recipe": json.dumps(asdict(recipe))})
    return loss


def exact_lines(model: Any, adapter: Adapter, words: Vocabulary, recipe: Recipe, report: Report) -> dict[str, float]:
    """Share of unseen-template sentences whose whole line is chosen token by token, for each language."""
    exact = {}
    for number, language in enumerate(("en", "ja")):
        report("test", number, 2)
        part = list(itertools.islice(examples(7, "test", language), recipe.test_sentences))
        items = [item for item in encode(words, part, recipe.variant) if fits(item, words, recipe.longest)]
        pool = words.size if words.kept is None else sorted(words.kept)
        hits, total = right_lines(model, adapter, arranged(items, recipe, pool, random.Random(7)))
        exact[language] = round(hits / max(total, 1), 4)
    report("test", 2, 2)
    return exact
