"""One training step of the people model by every engine, beside the same model on transformers' Mamba."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from physical_ai_core.errors import DependencyError
from physical_ai_world_model.ssm.shape import Shape

WARM_UP = 3


@dataclass(frozen=True)
class Speed:
    """Median seconds a step by engine, what did not run and why, the engines' difference, where it ran."""

    median_s: dict[str, float]
    missing: list[str]
    difference: float | None
    machine: str
    parameters: int


def measure(device: str, rows: int, steps: int, rounds: int) -> Speed:
    """Forward, loss, backward, optimiser on `rows` people of `steps` samples. Raises DependencyError without torch."""
    try:
        import torch
    except ImportError as error:
        raise DependencyError("torch", "train") from error
    from physical_ai_learning.world_model.network import PeopleModel

    shape = Shape()
    torch.manual_seed(0)
    inputs = _inputs(torch, shape, rows, steps, device)
    models: dict[str, Any] = {"loop": PeopleModel(shape, "loop", 0.0).to(device)}
    missing: list[str] = []
    difference = None
    works: dict[str, Callable[[], None]] = {}
    try:
        works["transformers"] = _step(torch, _on_transformers(torch, shape, device, inputs), inputs)
    except ImportError as error:
        missing.append(f"transformers: {error}")
    if device == "cuda":
        try:
            models["mamba_ssm kernel"] = _same(PeopleModel(shape, "mamba", 0.0), models["loop"], device)
            with torch.no_grad():
                one, two = (model(*inputs) for model in models.values())
                difference = float((one - two).norm() / one.norm())
        except ImportError as error:
            missing.append(f"mamba_ssm: {error}")
    else:
        missing.append("mamba_ssm: its kernel runs on GPUs only")
    works |= {name: _step(torch, model, inputs) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + WARM_UP):
        for name, work in works.items():
            _wait(torch, device)
            begun = time.perf_counter()
            work()
            _wait(torch, device)
            times[name].append(time.perf_counter() - begun)
    median = {name: statistics.median(values[WARM_UP:]) for name, values in times.items()}
    machine = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    count = sum(p.numel() for p in models["loop"].parameters())
    return Speed(median, missing, difference, f"{machine}, torch {torch.__version__}", count)


def _wait(torch: Any, device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _same(model: Any, other: Any, device: str) -> Any:
    model.to(device).load_state_dict(other.state_dict())
    return model


def _inputs(torch: Any, shape: Shape, rows: int, steps: int, device: str) -> tuple[Any, ...]:
    g = torch.Generator().manual_seed(0)
    near = torch.randint(-1, rows, (rows, 12), generator=g)
    parts = (
        torch.randn(rows, steps, shape.features, generator=g), 0.05 + 0.3 * torch.rand(rows, steps, generator=g),
        torch.arange(rows), torch.randn(rows, 12, shape.edge, generator=g), near, torch.zeros(rows),
    )  # fmt: skip
    return tuple(part.to(device) for part in parts)


def _step(torch: Any, model: Any, inputs: tuple[Any, ...]) -> Callable[[], None]:
    from physical_ai_learning.world_model.loss import losses_of, paths_of

    optimiser = torch.optim.AdamW(model.parameters(), 1e-4)
    own = torch.ones(len(inputs[0]), 2, device=inputs[0].device)
    truth = torch.randn(len(inputs[0]), 12, 2, device=inputs[0].device)

    def work() -> None:
        losses = losses_of(paths_of(model(*inputs), own, 4.8, model.shape), truth, 0.05, 0.6, 0.1)
        optimiser.zero_grad(set_to_none=True)
        losses.mean().backward()
        optimiser.step()

    return work


def _on_transformers(torch: Any, shape: Shape, device: str, inputs: tuple[Any, ...]) -> Any:
    """The same model with transformers' Mamba layers; elapsed times are an input there, not a step size."""
    from physical_ai_learning.world_model.network import PeopleModel

    installed = sys.modules.get("mamba_ssm")
    sys.modules["mamba_ssm"] = None  # type: ignore[assignment]  # it would call that one's fused kernels in half
    try:
        from transformers import MambaConfig, MambaModel, logging

        logging.set_verbosity_error()
        config = MambaConfig(
            vocab_size=1, hidden_size=shape.width, num_hidden_layers=shape.layers, state_size=shape.state,
            time_step_rank=shape.rank, expand=shape.inner // shape.width, use_cache=False,
        )  # fmt: skip

        class Encoder(torch.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.embed = torch.nn.Linear(shape.features + 1, shape.width)
                self.layers = MambaModel(config)

            def forward(self, features: Any, dt_s: Any) -> Any:
                x = self.embed(torch.cat([features, dt_s[..., None]], -1))
                return self.layers(inputs_embeds=x).last_hidden_state[:, -1]

        model = PeopleModel(shape, "loop", 0.0)
        model.encoder = Encoder()
        model.to(device)
        with torch.no_grad():
            model(*inputs)  # it looks for kernels at the first call
    finally:
        if installed is None:
            del sys.modules["mamba_ssm"]
        else:
            sys.modules["mamba_ssm"] = installed
    return model
