"""`physical-ai bench NAME` for the planner: language, readings, names, coverage, experts, tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from physical_ai_bench.page import FOLDER
from physical_ai_cli.bench import Folder, app, console, show

__all__ = ["app"]


@app.command()
def explanation(
    model: Annotated[str, typer.Option(help="Model description, or a local model directory.")] = "planner_language",
    fit: Annotated[int, typer.Option(help="Sentences of each language to choose heads by.", min=10)] = 60,
    judge: Annotated[int, typer.Option(help="Sentences of each language to judge by.", min=10)] = 60,
    picture: Annotated[Path, typer.Option(help="Page for the browser.")] = Path("out/explanation.html"),
    folder: Folder = FOLDER,
) -> None:
    """Attention against perturbation: which words led to which part of the goal."""
    from physical_ai_bench.benchmarks.explanation import explanation_page
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.stages import stages

    ensure_language_model(console)
    shown = [
        ("go to dock B slowly, then wait there for 30 seconds", "go <dock B> slow; wait for <30 seconds>"),
        ("棚の前まで行って、そこで30秒待って", "go <棚> front; wait for <30秒>"),
    ]
    with stages(console) as report:
        page = explanation_page(model, fit, judge, picture, shown, report)
    show(page, folder)
    console.print(f"picture: {picture}", markup=False)


@app.command()
def places(folder: Folder = FOLDER) -> None:
    """A site of a thousand places: what knowing and finding them costs."""
    from physical_ai_bench.benchmarks.places import places_page
    from physical_ai_bench.benchmarks.reading_speed import reader
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.offline import progress_bar

    ensure_language_model(console)
    tokenizer, rate = reader()
    with progress_bar(console, "places") as report:
        page = places_page(tokenizer, rate, report)
    show(page, folder)


@app.command()
def language(
    sentences: Annotated[Path, typer.Option(help='Lines like {"text": "…"}.')] = Path(
        "test/data/language/heldout.jsonl"
    ),
    most: Annotated[int, typer.Option(help="So many of them, evenly over the file.", min=1)] = 100,
    threads: Annotated[int, typer.Option(help="Threads of each model.", min=1, max=64)] = 2,
    architecture: Annotated[str, typer.Option(help="3b: random weights of that size instead.")] = "",
    beside: Annotated[bool, typer.Option(help="Also the smaller model without adapter.")] = True,
    folder: Folder = FOLDER,
) -> None:
    """The language worker's start, memory and time a sentence, beside plain generate of the same model."""
    from physical_ai_bench.benchmarks.language import BESIDE, language_page, some_sentences
    from physical_ai_bench.benchmarks.language_large import large_page
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.offline import progress_bar
    from physical_ai_core.errors import InputError
    from physical_ai_planner.language.weights import load_description, prepare_model

    if architecture not in ("", "3b"):
        raise InputError(f"There is no architecture '{architecture}'.", "Known: 3b.")
    ensure_language_model(console)
    texts = some_sentences(sentences, min(most, 8) if architecture else most)
    if architecture:
        with console.status("three billion random weights …"):
            page = large_page(texts, threads)
    else:
        if beside:
            prepare_model(load_description(BESIDE), lambda line: console.print(line, markup=False))
        with progress_bar(console, "sentences") as report:
            page = language_page(texts, threads, beside, report)
    show(page, folder)


@app.command("hypotheses")
def hypotheses(
    sentences: Annotated[Path, typer.Option(help="Sentences with known goals; their sites lie beside them.")] = Path(
        "test/data/language/heldout.jsonl"
    ),
    most: Annotated[int | None, typer.Option(help="So many of them, evenly over the file; all by default.")] = None,
    model: Annotated[str, typer.Option(help="Model description or folder; empty: the default.")] = "",
    folder: Folder = FOLDER,
) -> None:
    """Accuracy, questions and wrong goals against the readings that are looked for and checked."""
    from physical_ai_bench.benchmarks.hypotheses import hypotheses_page
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.offline import progress_bar
    from physical_ai_planner.language.weights import DEFAULT_MODEL

    if not model:
        ensure_language_model(console)
    with progress_bar(console, "readings") as report:
        page = hypotheses_page(sentences, folder, most, model or DEFAULT_MODEL, report)
    show(page, folder)


@app.command()
def coverage(folder: Folder = FOLDER) -> None:
    """Courses over fields of every kind, beside plain lanes."""
    from physical_ai_bench.benchmarks.coverage import coverage_page

    show(coverage_page(folder), folder)


@app.command()
def experts(
    cases: Annotated[Path, typer.Option(help="Hand-written cases, one JSON object a line.")] = Path(
        "test/data/experts/cases.jsonl"
    ),
    retrain: Annotated[bool, typer.Option(help="Also train one expert anew in a copy and compare files.")] = True,
    folder: Folder = FOLDER,
) -> None:
    """The planner's experts: quality and cost with nobody, the routed two, and all; load of each."""
    from physical_ai_bench.benchmarks.experts import experts_page
    from physical_ai_cli.stages import stages

    with stages(console) as report:
        page = experts_page(cases, report, retrain)
    show(page, folder)


@app.command("fine_tuning")
def fine_tuning(
    adapters: Annotated[
        list[Path] | None, typer.Option(help="Folder of a trained adapter, may be repeated.", show_default=False)
    ] = None,
    sentences: Annotated[
        list[Path] | None, typer.Option(help="JSONL of sentences with known goals, may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(help="So many sentences of each file, evenly over it.", min=1)] = 100,
    folder: Folder = FOLDER,
) -> None:
    """Zero-shot, prompt, LoRA, LoRA + reinforcement, each without and with the numeric check."""
    from physical_ai_bench.benchmarks.fine_tuning import fine_tuning_page
    from physical_ai_cli.stages import stages
    from physical_ai_core.share import share_path

    own = [path for path in sorted(share_path("config/models").glob("planner_adapter*")) if path.is_dir()]
    frozen = Path("test/data/language/frozen")
    with stages(console) as report:
        page = fine_tuning_page(adapters or own, sentences or [frozen / "en.jsonl", frozen / "ja.jsonl"], limit, report)
    show(page, folder)
