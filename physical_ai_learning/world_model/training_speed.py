"""Benchmark `people_training`: one training step of the people model, beside the same model on transformers' Mamba."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from physical_ai_bench.page import FOLDER, Page
from physical_ai_core.errors import DependencyError

ABOUT = (
    "`physical-ai bench people_training --device {device}`: forward, loss, backward and AdamW step of the whole people"
    " model (encoder, attention, mixture head; {parameters} thousand parameters) on {rows} people of {steps} samples,"
    " float32. *loop*, *mamba*: the project's exact zero-order hold by a plain loop and by the selective-scan kernel of"
    " `mamba_ssm`. *transformers*: the encoder's layers replaced by transformers' MambaModel of the same width, state"
    " and depth. Interleaved, median of {rounds} steps, largest relative difference between the engines' outputs:"
    " {difference}."
)


def people_training_page(device: str = "cpu", rows: int = 1024, steps: int = 29, rounds: int = 20) -> Page:
    """Step times of every engine that runs here."""
    try:
        import torch
    except ImportError as error:
        raise DependencyError("torch", "train") from error
    from physical_ai_learning.world_model.network import PeopleModel
    from physical_ai_world_model.ssm.shape import Shape

    shape = Shape()
    torch.manual_seed(0)
    inputs = _inputs(torch, shape, rows, steps, device)
    models = {"loop": PeopleModel(shape, "loop", 0.0).to(device)}
    missing: list[str] = []
    if device == "cuda":
        try:
            import mamba_ssm  # type: ignore[import-not-found]  # noqa: F401

            models["mamba"] = PeopleModel(shape, "mamba", 0.0).to(device)
            models["mamba"].load_state_dict(models["loop"].state_dict())
        except ImportError as error:
            missing.append(f"mamba: {error}")
    else:
        missing.append("mamba: its kernel runs on GPUs only")
        sys.modules.setdefault("mamba_ssm", None)  # type: ignore[arg-type]  # transformers would call it on the CPU
    difference = "–"
    if "mamba" in models:
        with torch.no_grad():
            one, two = (models[name](*inputs) for name in ("loop", "mamba"))
            difference = f"{float((one - two).norm() / one.norm()):.1e}"
    try:
        models["transformers"] = _on_transformers(torch, PeopleModel(shape, "loop", 0.0), shape).to(device)
    except ImportError as error:
        missing.append(f"transformers: {error}")
    works = {name: _step(torch, model, inputs) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 3):
        for name, work in works.items():
            if device == "cuda":
                torch.cuda.synchronize()
            begun = time.perf_counter()
            work()
            if device == "cuda":
                torch.cuda.synchronize()
            if number >= 3:
                times[name].append(time.perf_counter() - begun)
    median = {name: statistics.median(values) for name, values in times.items()}
    peer = median.get("transformers")
    rows_of = [
        (name, f"{1e3 * value:.1f} ms", f"{rows / value:,.0f}", "" if peer is None else f"{peer / value:.1f} x")
        for name, value in median.items()
    ]
    count = sum(p.numel() for p in models["loop"].parameters())
    about = ABOUT.format(
        device=device, parameters=round(count / 1000), rows=rows, steps=steps, rounds=rounds, difference=difference
    )
    name = torch.cuda.get_device_name() if device == "cuda" else "the CPU, one thread"
    notes = f"Ran on {name}, torch {torch.__version__}. " + " ".join(f"Not run: {text}." for text in missing)
    header = ("engine", "step", "sequences/s", "faster than transformers' Mamba")
    return Page(f"people_training_{device}", "Training the people model", about, header, rows_of, notes)


def _inputs(torch: Any, shape: Any, rows: int, steps: int, device: str) -> tuple[Any, ...]:
    g = torch.Generator().manual_seed(0)
    near = torch.randint(-1, rows, (rows, 12), generator=g)
    parts = (
        torch.randn(rows, steps, shape.features, generator=g), 0.05 + 0.3 * torch.rand(rows, steps, generator=g),
        torch.arange(rows),
        torch.randn(rows, 12, shape.edge, generator=g), near, torch.zeros(rows),
    )  # fmt: skip
    return tuple(part.to(device) for part in parts)


def _step(torch: Any, model: Any, inputs: tuple[Any, ...]) -> Callable[[], None]:
    from physical_ai_learning.world_model.loss import negative_log_likelihood, paths_of

    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)
    own = torch.ones(len(inputs[0]), 2, device=inputs[0].device)
    truth = torch.randn(len(inputs[0]), 12, 2, device=inputs[0].device)

    def work() -> None:
        paths = paths_of(model(*inputs), own, 4.8, model.shape)
        away = (paths.mean - truth[:, None]).norm(dim=-1).mean(-1)
        loss = away[:, 0].mean() + away[:, 1:].min(1)[0].mean() + 0.1 * negative_log_likelihood(paths, truth).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return work


def _on_transformers(torch: Any, model: Any, shape: Any) -> Any:
    """The same model with transformers' Mamba layers; elapsed times are an input there, not a step size."""
    from transformers import MambaConfig, MambaModel

    config = MambaConfig(
        vocab_size=1, hidden_size=shape.width, num_hidden_layers=shape.layers, state_size=shape.state,
        time_step_rank=shape.rank, expand=2, use_cache=False,
    )  # fmt: skip

    class Encoder(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Linear(shape.features + 1, shape.width)
            self.layers = MambaModel(config)

        def forward(self, features: Any, dt_s: Any) -> Any:
            x = self.embed(torch.cat([features, dt_s[..., None]], -1))
            return self.layers(inputs_embeds=x).last_hidden_state[:, -1]

    model.encoder = Encoder()
    return model


def write(folder: Path = FOLDER, device: str = "cpu") -> Path:
    """Measure and keep the page."""
    return people_training_page(device).write(folder)
