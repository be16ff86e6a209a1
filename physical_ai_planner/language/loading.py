"""A model directory → a network and its tokens: our own forward pass and tokenizer where they fit, or the library's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from physical_ai_core.errors import DependencyError, ModelError
from physical_ai_planner.language.architecture import Shape, Unsupported
from physical_ai_planner.language.lean import LeanNetwork
from physical_ai_planner.language.network import Network, TransformersNetwork
from physical_ai_planner.language.tensors import FileWeights
from physical_ai_planner.language.tokens import LibraryTokens, OwnTokens, Tokens
from physical_ai_planner.language.vocabulary import FILE, Vocabulary

_BAD = (OSError, ValueError, RuntimeError, KeyError, TypeError)


def load(folder: Path, threads: int = 1, lean: bool = True) -> tuple[Network, Tokens]:
    """Raises ModelError where the directory holds no causal model, DependencyError where a library is missing."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise DependencyError(str(error.name), "language") from error
    except (ImportError, OSError, MemoryError) as error:  # its libraries are hundreds of megabytes
        raise ModelError(f"torch cannot be loaded: {error}.", "Free memory, or mend its installation.") from error
    torch.set_num_threads(max(1, threads))
    try:
        network, size = _network(folder, lean)
        return network, _tokens(folder, size, lean)
    except _BAD as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"The language model in {folder} cannot be loaded: {reason}.",
            "Give a transformers directory of a causal model, or prepare the default one again.",
        ) from error


def _network(folder: Path, lean: bool) -> tuple[Network, int]:
    """The network and the size of its vocabulary."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if lean:
        try:
            shape = Shape.of(config)
            return LeanNetwork(shape, FileWeights(folder)), shape.vocabulary
        except Unsupported:
            pass
    import torch

    library = _transformers()
    model: Any = library.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True)
    return TransformersNetwork(model), int(model.get_output_embeddings().weight.shape[0])


def _tokens(folder: Path, size: int, lean: bool) -> Tokens:
    if lean and (folder / FILE).exists():
        return OwnTokens(Vocabulary.load(folder))
    return LibraryTokens(_transformers().AutoTokenizer.from_pretrained(folder, local_files_only=True), size)


def _transformers() -> Any:
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise DependencyError(str(error.name), "language") from error
    return transformers
