# ruff: noqa: E501  (rows of a table)
"""The model card of an adapter, written from what training, reinforcement and calibration left in its folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

LICENCES = {
    "gemma": "adapter Apache-2.0; a derivative of Gemma, used under the Gemma Terms of Use with its base",
    "smollm2": "adapter Apache-2.0; base Apache-2.0",
    "qwen": "adapter Apache-2.0; base Apache-2.0 by its makers, a third party's re-upload",
}
CARD = """# Adapter of the planner's language model: {base}, {variant}

LoRA (rank {rank}, alpha {alpha}, all linear layers) on {base}, fine-tuned to write the planner's compact goal line for
one sentence in Japanese or English (`docs/language.md`). bf16 safetensors, PEFT layout, {megabytes:.1f} MB.

| | |
|---|---|
| base | {base}; weights and their sha256 in `config/models` |
| licence | {licence} |
| sha256 | `{sha256}` |
| data | sentences drawn by `physical_ai_learning.language.dataset`, half English, half Japanese: phrases and whole sentences written for it, invented names, politeness, fillers, recognition and typing errors. No recorded people, no text of others |
| not in the data | the sentences and sites under `test/data/language` |
| meant for | reading one order to a mobile robot, behind the checks of `physical_ai_planner.language` |
| not meant for | anything else; it answers everything with a goal line |

## Training
{training}
{more}"""
RUN = """
`physical-ai train planner-language --base {base_option} --rank {rank} --variant {variant} --split {split} --learning-rate
{learning_rate:g} --decay {decay:g} --noise {noise:g} --seed {seed}`{begun}: {sentences:,} sentences ({tokens:,} tokens),
{steps:,} steps, {train_s:.0f} s on {device}. Batches refused by the loss guard: {batches_refused}. Generated sentences
of {phrases}, whole line as written: {exact}.
"""


def write_card(folder: Path) -> None:
    """README.md from metrics.json and, where they exist, reinforce.json and confidence.json."""
    metrics = history(folder)
    file = folder / "adapter_model.safetensors"
    recipe = metrics["recipe"]
    family = next((key for key in LICENCES if key in metrics["base"].lower()), "")
    more = ""
    runs = metrics.get("mean_of", [])
    if runs:
        training = "".join(_run(run, family) for run in [*metrics.get("before", []), *runs])
        names = ", ".join(run.get("name", "?") for run in runs)
        training = f"\nThe mean (`average.py`) of {len(runs)} adapters of one beginning: {names}.\n{training}"
        more = _calibrated(runs[-1]["confidence"]) if "confidence" in runs[-1] else ""
    else:
        training = _run(metrics, family)
        more = _calibrated(metrics["confidence"]) if "confidence" in metrics else ""
    text = CARD.format(
        **{**recipe, **metrics}, licence=LICENCES.get(family, "adapter Apache-2.0, with the terms of its base"),
        megabytes=file.stat().st_size / 1e6, more=more, training=training,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )  # fmt: skip
    (folder / "README.md").write_text(text, encoding="utf-8")


def _run(metrics: dict[str, Any], family: str) -> str:
    """One training as a paragraph, and its reinforcement as another."""
    recipe = {"split": "train", "decay": 0.0, "noise": 0.0, **metrics["recipe"]}
    name = f"\n### {metrics['name']}\n" if "name" in metrics else ""
    more = _near(metrics["near_duplicates"]) if "near_duplicates" in metrics else ""
    more += _reinforced(metrics["reinforced"]) if "reinforced" in metrics else ""
    if not metrics["sentences"]:
        return f"{name}\nBegun with the adapter {metrics['began_with']}.\n{more}"
    return name + RUN.format(
        **{**recipe, **metrics}, base_option=family or metrics["base"],
        begun=f", begun with the adapter {metrics['began_with']}" if metrics.get("began_with") else "",
        phrases="unseen phrases" if recipe["split"] == "train" else "the same phrases",
        exact=_shares(metrics["template_disjoint_exact"]),
    ) + more  # fmt: skip


def history(folder: Path) -> dict[str, Any]:
    """What training, reinforcement and calibration left in a folder, as one."""
    found = _read(folder / "metrics.json")
    parts = {"reinforced": "reinforce.json", "confidence": "confidence.json"}
    return found | {key: _read(folder / name) for key, name in parts.items() if (folder / name).exists()}


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _shares(values: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:.1%}" for key, value in values.items())


def _near(row: dict[str, Any]) -> str:
    return (
        f"\nOf the {row['test']:,} test sentences of unseen phrases {row['same']:,} are word for word among {row['train']:,} "
        f"drawn as in the training, {row['near']:,} nearly so (character n-grams, Jaccard index 0.8 and more).\n"
    )


def _reinforced(row: dict[str, Any]) -> str:
    return (
        "\nReinforcement: group-relative policy gradient with the numeric side as judge (`reinforce.py`): "
        f"{row['steps']} steps, {row['lines']:,} sampled lines, {row['train_s']:.0f} s. Right after grounding, before "
        f"and after, on generated sentences of unseen phrases: {row['before']['right']:.1%}, {row['after']['right']:.1%};"
        f" wrong and executed: {row['before']['wrong']:.2%}, {row['after']['wrong']:.2%}.\n"
    )


def _calibrated(row: dict[str, Any]) -> str:
    return (
        f"\n## Confidence\n\nOn {row['sentences']} generated sentences of unseen phrases: temperature "
        f"{row['temperature']:.2f}, questions below {row['min_confidence']:.2f}; then {row['wrong']:.2%} are wrong and "
        f"executed, and {row['asked']:.1%} become a question.\n"
    )
