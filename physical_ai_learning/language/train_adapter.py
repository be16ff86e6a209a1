"""Train the planner's language adapter: LoRA on a small pretrained model, loss on the written line only.

    physical-ai train planner-language --base gemma --out OUT_DIR                # a GPU: minutes
    physical-ai train planner-language --base gemma --out OUT_DIR --smoke        # a CPU, less than 2 minutes

Sentences are drawn while it runs, seeded, each seen once. Resumes from OUT's newest checkpoint, also in mid-chunk.
Writes a PEFT adapter in bf16 safetensors, metrics.json, metrics.jsonl and the model card.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from physical_ai_learning.language.batches import Batch, arranged, encode, fits, stream
from physical_ai_learning.language.card import write_card
from physical_ai_learning.language.dataset import examples
from physical_ai_learning.language.likeness import generated_likeness
from physical_ai_learning.language.lora import Adapter
from physical_ai_learning.language.recipe import Recipe, base_folder
from physical_ai_learning.language.step import Stepper, load_base, right_lines
from physical_ai_learning.language.vocabulary import Vocabulary
from physical_ai_learning.training.checkpoint import Keeper, randomness, set_randomness
from physical_ai_learning.training.guard import Guard, Limits, Verdict
from physical_ai_learning.training.metrics import Course, Report
from physical_ai_learning.training.recovery import Recovery

GOOD_EVERY: Final = 25  # steps between copies of the weights to go back to
SAY_EVERY: Final = 10
LIMITS: Final = Limits(share=5.0)  # sentences differ more than batches of walks do
FREE: Final = ("seconds", "sentences", "every", "test_sentences")  # how long to go on may differ from a checkpoint's


class Trainer:
    """Adapter, optimiser, guard and place in the data: what a checkpoint holds."""

    def __init__(self, model: Any, adapter: Adapter, recipe: Recipe, graphs: bool = True) -> None:
        self.adapter, self.recipe = adapter, recipe
        self.stepper = Stepper(model, adapter, graphs, recipe.noise)
        self.optimiser = torch.optim.AdamW(
            [adapter.vector], lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=recipe.decay, fused=True
        )
        self.step = self.seen = self.tokens = 0
        self.place = (0, 0)  # chunk, batches of it already taken
        self.spent_s = 0.0  # of training, before and since the last start
        self.recovery = Recovery(Guard(LIMITS), self._copy, self._paste, GOOD_EVERY)

    @property
    def guard(self) -> Guard:
        return self.recovery.guard

    def learn(self, batch: Batch, rate: float) -> tuple[float, float, Verdict]:
        """One batch: loss, gradient norm, and the guard's verdict, already carried out."""
        loss, norm = self.stepper(batch)
        verdict = self.recovery.judge(self.step, loss, norm)
        if verdict == "take":
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            scale = min(1.0, self.recipe.clip / (norm + 1e-12))
            self.adapter.vector.grad = self.stepper.gradient * scale
            self.optimiser.step()
            self.recovery.taken(self.step)
        self.step += 1
        self.seen += batch.sentences
        self.tokens += batch.tokens
        return loss, norm, verdict

    def keep(self, keeper: Keeper) -> None:
        """Write a checkpoint, unless the last batch was refused; what is learnt now is what is gone back to."""
        if not self.guard.calm:
            return
        self.recovery.keep(self.step)
        counts = {"seen": self.seen, "tokens": self.tokens, "spent_s": self.spent_s, "place": list(self.place)}
        rest = {"guard": self.guard.state(), "randomness": randomness()}
        keeper.save(self.step, {**self._copy(), **counts, **rest})

    def restore(self, step: int, state: dict[str, Any]) -> None:
        self._paste(state)
        self.recovery.keep(step)
        set_randomness(state["randomness"])
        self.step, self.seen, self.tokens = step, int(state["seen"]), int(state["tokens"])
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

    Raises InputError where it is to resume and OUT holds another recipe's checkpoint, ModelError, DivergedError.
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
    keeper = keeper_of(out, recipe, name)
    if not resume:
        keeper.clear()
    found = keeper.load(device)
    if found is not None:
        trainer.restore(found.step, found.state)
    with Course(out) as course:
        if found is not None:
            course.say(found.step, resumed=True, **({"broken_checkpoints": found.broken} if found.broken else {}))
        last_loss = _run(trainer, folder, out, keeper, course, report, workers)
        exact = exact_lines(model, adapter, words, recipe, report)
        near = generated_likeness(recipe)
        metrics: dict[str, Any] = {
            "base": name, "recipe": asdict(recipe), "device": device, "steps": trainer.step, "sentences": trainer.seen,
            "tokens": trainer.tokens, "train_s": round(trainer.spent_s, 1),
            "last_loss": round(last_loss, 5) if math.isfinite(last_loss) else None,
            "began_with": start.name if start is not None else None,
            "sentences_per_s": round(trainer.seen / max(trainer.spent_s, 1e-9), 1),
            "batches_refused": trainer.guard.refused, "times_gone_back": trainer.guard.returned,
            "graphs": trainer.stepper.graphs, "graphs_given_up": trainer.stepper.trouble,
            "template_disjoint_exact": exact, "near_duplicates": near.data(),
        }  # fmt: skip
        course.say(trainer.step, **{f"exact_{k}": v for k, v in exact.items()})
    adapter.save(out, name, {"variant": recipe.variant})
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    write_card(out)
    return metrics, model, adapter


def keeper_of(out: Path, recipe: Recipe, base: str) -> Keeper:
    """The checkpoints of a recipe on a base."""
    decides = {key: value for key, value in asdict(recipe).items() if key not in FREE}
    return Keeper(out, {"recipe": decides, "base": base})


def _run(
    trainer: Trainer, folder: Path, out: Path, keeper: Keeper, course: Course, report: Report, workers: int
) -> float:
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
                       **trainer.recovery.said(verdict))  # fmt: skip
        report("sentences", min(trainer.seen, recipe.sentences), recipe.sentences)
        if trainer.step % recipe.every == 0:
            trainer.keep(keeper)
            trainer.adapter.save(out, folder.name, {"variant": recipe.variant})
    trainer.keep(keeper)
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
