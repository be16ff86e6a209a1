"""The peer of the language benchmark: `generate` of transformers on a model directory, in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

MAX_NEW_TOKENS = 160


class Written(NamedTuple):
    """What `generate` wrote, and what it took: wall and CPU seconds, new tokens."""

    text: str
    wall_s: float
    cpu_s: float
    tokens: int


class PlainGenerate:
    """Greedy `generate` with the library's defaults. `loaded_s`: wall and CPU seconds from start to ready."""

    def __init__(self, folder: Path, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, str(folder), threads), daemon=True)
        began = time.perf_counter()
        self._process.start()
        cpu_s = self._pipe.recv()
        self.loaded_s = (time.perf_counter() - began, float(cpu_s))

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def write(self, prompt: str) -> Written:
        self._pipe.send(prompt)
        return Written(*self._pipe.recv())

    def __enter__(self) -> PlainGenerate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join(5.0)
        if self._process.is_alive():
            self._process.kill()


def _serve(pipe: Connection, folder: str, threads: int) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(threads)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True).eval()
    _generate(model, tokenizer, "Order: go\nGoal:\n")  # lazy set-up is not counted
    pipe.send(time.process_time())
    while True:
        try:
            prompt = pipe.recv()
        except EOFError:
            return
        wall, cpu = time.perf_counter(), time.process_time()
        text, tokens = _generate(model, tokenizer, prompt)
        pipe.send((text, time.perf_counter() - wall, time.process_time() - cpu, tokens))


def _generate(model: Any, tokenizer: Any, prompt: str) -> tuple[str, int]:
    import torch

    ids = tokenizer(prompt, return_tensors="pt")
    with torch.inference_mode():
        out = model.generate(**ids, max_new_tokens=MAX_NEW_TOKENS, do_sample=False)[0, ids["input_ids"].shape[1] :]
    return str(tokenizer.decode(out, skip_special_tokens=True)).strip(), len(out)
