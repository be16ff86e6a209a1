"""Set-up of the local language model: fetched and converted once, then found in the cache."""

from __future__ import annotations

import subprocess
import sys

from rich.console import Console


def ensure_language_model(console: Console) -> None:
    """Prepare the default model where it is not ready. A failure is told and left: poses and fixed commands still work.

    In a process of its own, so that what conversion needs (torch, 2 GB) is not kept.
    """
    from physical_ai_planner.language.weights import DEFAULT_MODEL, load_description, model_dir

    if model_dir(load_description(DEFAULT_MODEL)).is_dir():
        return
    console.print("Preparing the language model (once: 250 MB to fetch, two minutes to convert) …")
    done = subprocess.run([sys.executable, "-m", "physical_ai_planner.language.prepare"], check=False)
    if done.returncode != 0:
        console.print("There is no language model; goals by pose and fixed commands still work.", style="yellow")
