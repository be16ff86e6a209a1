"""`physical-ai train check-duplicates`: is what models are judged by among what they learn from?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

console = Console()


def check_duplicates(
    recordings: Annotated[
        Path | None, typer.Option(help="Folder of recordings of people: every fold's scene against the others.")
    ] = None,
    sentences: Annotated[
        list[Path] | None, typer.Option(help='Test sentences, {"text": …} a line; may be repeated.')
    ] = None,
    drawn: Annotated[int, typer.Option(help="Training sentences drawn to compare with.", min=1)] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the draw: the recipe's.")] = 0,
    out: Annotated[Path, typer.Option(help="Report with the pairs.")] = Path("out/duplicates.json"),
) -> None:
    """Near-duplicates between test and training data: sentences and walks. Without options: the built-in test."""
    from physical_ai_core.errors import DependencyError

    try:
        from physical_ai_learning.language.likeness import file_likeness, generated_likeness
        from physical_ai_learning.language.recipe import Recipe
        from physical_ai_learning.training.duplicates import Report
        from physical_ai_learning.world_model.likeness import folder_likeness
        from physical_ai_learning.world_model.train_people import Settings
    except ModuleNotFoundError as error:
        raise DependencyError(error.name or "torch", "language") from error

    recipe = Recipe(seed=seed)
    found: dict[str, Report] = {}
    with console.status("comparing"):
        if sentences:
            found |= file_likeness(sentences, recipe, drawn)
        if recordings is not None:
            for fold, reports in folder_likeness(recordings, Settings.held_back).items():
                found |= {f"{fold}: {name.replace('_', ' ')}": report for name, report in reports.items()}
        if not found:
            found["generated, unseen phrases"] = generated_likeness(recipe, drawn)
    table = Table("what", "judged", "learnt from", "the same", "near", "notes", title="near-duplicates 重複")
    for name, report in found.items():
        notes = ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in report.notes.items())
        counts = (report.test, report.train, report.same, report.near)
        table.add_row(name, *(f"{count:,}" for count in counts), notes)
    console.print(table)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = {name: report.data(len(report.pairs)) for name, report in found.items()}
    out.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(f"pairs: {out}", markup=False)
