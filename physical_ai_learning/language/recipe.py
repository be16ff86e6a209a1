"""The recipe of an adapter of the planner's language model: everything that decides the result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from physical_ai_core.errors import InputError

Variant = Literal["plain", "reasoning"]
Split = Literal["train", "all"]
SPLITS: Final = ("train", "all")
VARIANTS: Final = ("plain", "reasoning")


@dataclass(frozen=True)
class Base:
    """A pretrained model: its description in config/models, and the adapter's shape that the size budget allows."""

    description: str
    rank: int


BASES: Final = {
    "gemma": Base("planner_language", 32),  # 15.2 MB in bf16
    "smollm2": Base("planner_language_smollm2", 8),  # 4.9 MB
    "qwen": Base("planner_language_qwen", 4),  # 4.4 MB
}
TARGETS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Recipe:
    """What decides the result, apart from the data generator's own version."""

    variant: Variant = "plain"
    sentences: int = 1_200_000  # after so many the learning rate has come to its end; 0: none
    tokens: int = 16_384  # of one batch, its padding counted
    longest: int = 256  # tokens; sentences beyond are left out and counted
    learning_rate: float = 1e-3
    warmup: int = 60  # steps
    rank: int = 16
    alpha: int = 32
    clip: float = 1.0  # of the gradient's norm
    decay: float = 0.0  # weight decay (Loshchilov & Hutter 2019): keeps the adapter near the pretrained model
    noise: float = 0.0  # on the embeddings of each sentence (NEFTune, Jain et al. 2023); 5 is usual
    split: Split = "train"  # "all": the phrases of the test split too, for a last training whose test is elsewhere
    rows: int = 8_192  # of the output head that the loss reads: the batch's own tokens, and others at random
    seconds: float = 1e9  # training stops by then, the schedule brought to its end
    seed: int = 0
    chunk: int = 8_192  # sentences that one worker draws at a time
    test_sentences: int = 2_000  # for each language
    every: int = 200  # steps between checkpoints

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise InputError(f"There is no variant '{self.variant}'.", f"Name one of {', '.join(VARIANTS)}.")
        if self.split not in SPLITS:
            raise InputError(f"There is no split '{self.split}' to train on.", f"Name one of {', '.join(SPLITS)}.")
        sizes = (self.sentences + 1, self.tokens, self.rank, self.rows, self.chunk, self.every)
        if min(sizes) < 1 or self.seconds <= 0.0:
            raise InputError("A recipe's sizes and times are above zero.", "Mend the option.")


def smoke(recipe: Recipe) -> Recipe:
    """The tiny form of a recipe: does it run at all."""
    return replace(recipe, sentences=min(72, recipe.sentences), tokens=768, longest=96, warmup=2,
                   rank=min(recipe.rank, 4), alpha=8, rows=2_048, chunk=48, test_sentences=8, every=2)  # fmt: skip


def base_folder(base: str) -> tuple[str, Path]:
    """Name and transformers directory of a base: one of BASES, which must be prepared, or a folder.

    Raises ModelError where a named base is not prepared, InputError where there is no such base.
    """
    from physical_ai_planner.language.weights import base_dir, load_description, prepare_model

    if base in BASES:
        description = load_description(BASES[base].description)
        folder = base_dir(description)
        if not folder.exists():
            prepare_model(description.model_copy(update={"adapter": None}))
        return description.name, folder
    folder = Path(base)
    if not (folder / "config.json").exists():
        raise InputError(
            f"There is no base model '{base}'.", f"Name one of {', '.join(BASES)}, or a transformers directory."
        )
    return folder.name, folder


def rank_of(base: str) -> int:
    """The LoRA rank that the size budget gives this base."""
    return BASES[base].rank if base in BASES else Recipe.rank


def made(values: dict[str, Any], base: str, tiny: bool) -> Recipe:
    """A recipe of given fields (None: the default)."""
    given = {key: value for key, value in values.items() if value is not None}
    recipe = Recipe(**{"rank": rank_of(base), **given})
    if "alpha" not in given:
        recipe = replace(recipe, alpha=2 * recipe.rank)
    return smoke(recipe) if tiny else recipe
