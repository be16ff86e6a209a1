"""Train the planner's language adapter: LoRA on a small pretrained model, loss on the goal line only.

    python -m physical_ai_learning.language.train_adapter --base BASE_DIR --out OUT_DIR            # one GPU, minutes
    python -m physical_ai_learning.language.train_adapter --base BASE_DIR --out OUT_DIR --smoke    # CPU, < 2 min

`BASE_DIR` is a `transformers` directory such as `python -m physical_ai_planner.language.prepare` makes. The sentences
are drawn here, seeded; every epoch's are new. Training resumes from `OUT_DIR/checkpoint` when `--resume` is given.
Writes a PEFT adapter in bf16 safetensors and `metrics.json`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from physical_ai_learning.language.dataset import Example, examples
from physical_ai_planner.language.prompt import prompt

SHARD = 4_000


@dataclass(frozen=True)
class Recipe:
    """What decides the result, apart from the data generator's own version."""

    steps: int = 2400
    batch: int = 192
    learning_rate: float = 6e-4
    warmup: int = 60
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    seconds: float = 3600.0  # training stops by then, with the schedule brought to its end
    seed: int = 0
    test_sentences: int = 2_000


SMOKE = Recipe(steps=6, batch=4, warmup=2, rank=4, alpha=8, test_sentences=12)


def shard(seed: int, split: str, count: int) -> list[Example]:
    """The `count` first examples of one seed; runs in a worker process."""
    return list(itertools.islice(examples(seed, split), count))


def draw(recipe: Recipe, workers: int) -> list[Example]:
    """All training sentences, without repeats, in a fixed order whatever the number of workers."""
    wanted = recipe.steps * recipe.batch
    shards = math.ceil(wanted * 1.15 / SHARD)
    seeds = [recipe.seed * 100_000 + i for i in range(shards)]
    if workers <= 1:
        parts = [shard(s, "train", min(SHARD, wanted)) for s in seeds]
    else:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(shard, seeds, ["train"] * shards, [SHARD] * shards))
    unique = list({example.text: example for part in parts for example in part}.values())
    random.Random(recipe.seed).shuffle(unique)
    return unique


def encode(tokenizer: Any, batch: list[Example]) -> list[tuple[list[int], int]]:
    """For each example the token ids of prompt, goal line and end mark, and how many belong to the prompt."""
    heads = tokenizer([prompt(example.text) for example in batch]).input_ids
    tails = tokenizer([example.target for example in batch], add_special_tokens=False).input_ids
    return [(head + tail + [tokenizer.eos_token_id], len(head)) for head, tail in zip(heads, tails, strict=True)]


def answer_loss(model: Any, batch: list[tuple[list[int], int]], device: str) -> tuple[Any, Any]:
    """Mean cross entropy over the answers' tokens, and for each sentence whether every token would be chosen."""
    import torch
    from torch.nn import functional

    longest = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    answer = torch.zeros_like(ids, dtype=torch.bool)
    for row, (tokens, head) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        mask[row, : len(tokens)] = 1
        answer[row, head : len(tokens)] = True
    ids, mask, answer = ids.to(device), mask.to(device), answer.to(device)
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = core.base_model(input_ids=ids, attention_mask=mask).last_hidden_state[:, :-1]
    asked = answer[:, 1:]
    logits = functional.linear(hidden[asked], core.get_output_embeddings().weight.to(hidden.dtype)).float()
    wanted = ids[:, 1:][asked]
    wrong = torch.zeros_like(asked, dtype=torch.long)
    wrong[asked] = (logits.argmax(-1) != wanted).long()
    return functional.cross_entropy(logits, wanted), wrong.sum(1) == 0


def train(base: Path, out: Path, recipe: Recipe, resume: bool, workers: int) -> dict[str, Any]:
    """Run the recipe. Returns the metrics it also writes."""
    import torch
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(base)
    plain: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).to(device)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    )
    model: Any = get_peft_model(plain, config)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0, betas=(0.9, 0.98))

    began = time.monotonic()
    encoded = encode(tokenizer, draw(recipe, workers))
    batches = arrange(encoded, recipe)
    print(f"{len(encoded)} sentences drawn and encoded in {time.monotonic() - began:.0f} s on {device}", flush=True)

    checkpoint = out / "checkpoint" / "state.pt"
    first = 0
    if resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        set_peft_model_state_dict(model, state["adapter"])
        optimizer.load_state_dict(state["optimizer"])
        first = int(state["step"])
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    began, last_loss = time.monotonic(), math.nan
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()) as progress:
        bar = progress.add_task("training", total=recipe.steps, completed=first)
        for step in range(first, recipe.steps):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * schedule(step, time.monotonic() - began, recipe)
            loss, _ = answer_loss(model, batches[step % len(batches)], device)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            if step % 50 == 0 or step == recipe.steps - 1:
                last_loss = float(loss.detach())
                progress.update(bar, completed=step + 1, description=f"training, loss {last_loss:.4f}")
            if step % 200 == 0:
                print(f"step {step} loss {float(loss.detach()):.4f} at {time.monotonic() - began:.0f} s", flush=True)
            if step % 250 == 249:
                kept = {
                    "adapter": get_peft_model_state_dict(model),
                    "optimizer": optimizer.state_dict(),
                    "step": step + 1,
                }
                torch.save(kept, checkpoint.with_suffix(".part"))
                checkpoint.with_suffix(".part").replace(checkpoint)
                save_adapter(model, out)
            if time.monotonic() - began > recipe.seconds:
                break
    seconds = time.monotonic() - began
    save_adapter(model, out)
    metrics = {
        "base": base.name,
        "recipe": asdict(recipe),
        "sentences": len(encoded),
        "train_s": round(seconds, 1),
        "last_loss": last_loss,
        "template_disjoint_exact": test_exact(model, tokenizer, recipe, device),
    }
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def arrange(encoded: list[tuple[list[int], int]], recipe: Recipe) -> list[list[tuple[list[int], int]]]:
    """Batches of like length within windows, in shuffled order: little padding, no drift from short to long."""
    rng = random.Random(recipe.seed + 1)
    window = recipe.batch * 32
    batches = []
    for at in range(0, len(encoded), window):
        part = sorted(encoded[at : at + window], key=lambda item: len(item[0]))
        batches += [part[i : i + recipe.batch] for i in range(0, len(part), recipe.batch)]
    rng.shuffle(batches)
    return batches


def schedule(step: int, elapsed_s: float, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine to a fiftieth by the last step, or by the end of the time if that comes first."""
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    by_steps = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    part = min(1.0, max(by_steps, elapsed_s / recipe.seconds))
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * part))


def save_adapter(model: Any, out: Path) -> None:
    """Write the adapter as PEFT reads it, weights in bf16."""
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    model.save_pretrained(out)
    state = {k: v.detach().to("cpu", torch.bfloat16).contiguous() for k, v in get_peft_model_state_dict(model).items()}
    save_file(state, out / "adapter_model.safetensors", metadata={"format": "pt"})


def test_exact(model: Any, tokenizer: Any, recipe: Recipe, device: str) -> dict[str, float]:
    """Share of unseen-template sentences whose whole line greedy decoding would write, for each language."""
    import torch

    model.eval()
    exact = {}
    for language in ("en", "ja"):
        encoded = encode(tokenizer, list(itertools.islice(examples(7, "test", language), recipe.test_sentences)))
        hits = 0
        with torch.no_grad():
            for at in range(0, len(encoded), 128):
                hits += int(answer_loss(model, encoded[at : at + 128], device)[1].sum())
        exact[language] = round(hits / len(encoded), 4)
    return exact


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="transformers directory of the pretrained model")
    parser.add_argument("--out", type=Path, required=True, help="where the adapter goes")
    parser.add_argument("--smoke", action="store_true", help="a few steps on few sentences: does it run at all")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw sentences")
    for name in ("steps", "batch", "rank", "alpha", "seed"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("learning-rate", "seconds"):
        parser.add_argument(f"--{name}", type=float)
    options = parser.parse_args()
    base = asdict(SMOKE if options.smoke else Recipe())
    given = {key: value for key, value in vars(options).items() if key in base and value is not None}
    options.out.mkdir(parents=True, exist_ok=True)
    metrics = train(options.base, options.out, Recipe(**{**base, **given}), options.resume, options.workers)
    print(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
