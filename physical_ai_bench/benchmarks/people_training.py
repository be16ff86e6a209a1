"""Benchmark `people_training`: one training step of the people model, beside the same model on transformers' Mamba."""

from __future__ import annotations

from typing import Final

from physical_ai_bench.page import Page
from physical_ai_learning.world_model.training_speed import measure

ROUNDS: Final = 20
ABOUT: Final = (
    "`physical-ai bench people_training --device {device}`: forward, loss, backward and AdamW step of the whole people"
    " model (encoder, attention, mixture head; {parameters} thousand parameters) on {rows} people of {steps} samples,"
    " float32. *loop* and *mamba_ssm kernel*: the project's exact zero-order hold by a plain loop, and by that"
    " library's selective scan. *transformers*: the encoder's layers replaced by transformers' MambaModel of the same"
    " width, state and depth, without mamba_ssm. Interleaved, median of {rounds} steps."
)


def people_training_page(device: str = "cpu", rows: int = 1024, steps: int = 29, rounds: int = ROUNDS) -> Page:
    """Step times of every engine that runs here. Raises DependencyError without torch."""
    speed = measure(device, rows, steps, rounds)
    peer = speed.median_s.get("transformers")
    table = [
        (name, f"{1e3 * value:.1f} ms", f"{rows / value:,.0f}", "" if peer is None else f"{peer / value:.1f} x")
        for name, value in speed.median_s.items()
    ]
    about = ABOUT.format(
        device=device, parameters=round(speed.parameters / 1000), rows=rows, steps=steps, rounds=rounds
    )
    notes = f"Ran on {speed.machine}. " + " ".join(f"Not run: {text}." for text in speed.missing)
    if speed.difference is not None:
        notes += f" Relative difference between loop and kernel over the whole model: {speed.difference:.1e}."
    header = ("engine", "step", "sequences/s", "faster than transformers' Mamba")
    return Page(f"people_training_{device}", "Training the people model", about, header, table, notes)
