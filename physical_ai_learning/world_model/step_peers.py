"""Two layers of Mamba of the recurrence's size in other libraries, one token a call on one CPU thread."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from physical_ai_core.errors import DependencyError
from physical_ai_world_model.ssm.shape import Shape

MAMBA_MEND = (
    "MAMBA_FORCE_BUILD=TRUE MAMBA_SKIP_CUDA_BUILD=TRUE pip install --no-build-isolation --no-deps mamba-ssm, and"
    " einops, triton"
)
CONVOLUTION = 4


def mamba_ssm_step(shape: Shape) -> Callable[[], Any]:
    """`mamba_ssm.Mamba.step` through all layers, without norm and residual. Raises DependencyError."""
    torch = one_thread()
    if "selective_scan_cuda" not in sys.modules and importlib.util.find_spec("selective_scan_cuda") is None:
        sys.modules["selective_scan_cuda"] = ModuleType("selective_scan_cuda")  # its import asks for CUDA's half
    try:
        from mamba_ssm.modules import mamba_simple
    except ImportError as error:
        raise DependencyError("mamba-ssm", "bench") from error
    mamba_simple.selective_state_update = None  # that is Triton's, for a GPU: with None it takes its torch form
    layers = [
        mamba_simple.Mamba(
            shape.width, d_state=shape.state, d_conv=CONVOLUTION, expand=shape.inner // shape.width,
            dt_rank=shape.rank, layer_idx=i,
        ).eval()
        for i in range(shape.layers)
    ]  # fmt: skip
    caches = [layer.allocate_inference_cache(1, 1) for layer in layers]
    token = torch.randn(1, 1, shape.width)

    def step() -> Any:
        x = token
        for layer, (convolution, state) in zip(layers, caches, strict=True):
            x = layer.step(x, convolution, state)[0]
        return x

    return step


def transformers_step(shape: Shape) -> Callable[[], Any]:
    """transformers' MambaModel with its cache, embedding given. Raises DependencyError."""
    torch = one_thread()
    installed = sys.modules.get("mamba_ssm")
    sys.modules["mamba_ssm"] = None  # type: ignore[assignment]  # or it calls that one's GPU kernels on the CPU
    try:
        from transformers import MambaConfig, MambaModel, logging
    except ImportError as error:
        raise DependencyError("transformers", "language") from error
    logging.set_verbosity_error()
    model = MambaModel(
        MambaConfig(
            vocab_size=2, hidden_size=shape.width, state_size=shape.state, num_hidden_layers=shape.layers,
            expand=shape.inner // shape.width, conv_kernel=CONVOLUTION, time_step_rank=shape.rank,
        )
    ).eval()  # fmt: skip
    token = torch.randn(1, 1, shape.width)
    cache = model(inputs_embeds=token, use_cache=True).cache_params

    def step() -> Any:
        return model(inputs_embeds=token, cache_params=cache, use_cache=True).last_hidden_state

    step()  # it looks for kernels at the first call
    if installed is None:
        del sys.modules["mamba_ssm"]
    else:
        sys.modules["mamba_ssm"] = installed
    return step


def one_thread() -> Any:
    """torch without gradients on one thread. Raises DependencyError."""
    try:
        import torch
    except ImportError as error:
        raise DependencyError("torch", "language") from error
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    return torch
