"""How fast the planner's language model reads, for what-if figures."""

from __future__ import annotations

import time
from typing import Any

from physical_ai_core.errors import DependencyError
from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, verified_model

TOKENS = 256


def reader() -> tuple[Any, float]:
    """The default model's tokenizer, and the tokens that it reads in a second of CPU time on one thread."""
    folder = verified_model(load_description(DEFAULT_MODEL))
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise DependencyError(str(error.name), "language") from error
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True).eval()
    ids = torch.randint(300, 2000, (1, TOKENS))
    with torch.inference_mode():
        model.base_model(input_ids=ids)
        begun = time.process_time()
        model.base_model(input_ids=ids)
    return tokenizer, TOKENS / (time.process_time() - begun)
