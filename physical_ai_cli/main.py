"""The typed console command. Exit codes: 0 done, 1 the job failed, 2 bad usage or input, 130 interrupted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from physical_ai_cli import bench_compression, bench_control, bench_data, bench_planner, bench_recorder, bench_replay  # noqa: F401 (each adds its commands)
from physical_ai_cli.bench import app as bench_app
from physical_ai_cli.campaign import app as campaign_app
from physical_ai_cli.environment import enter_ros_environment
from physical_ai_cli.export import export
from physical_ai_cli.fleet import fleet
from physical_ai_cli.incidents import incidents
from physical_ai_cli.models import app as models_app
from physical_ai_cli.mutants import mutants
from physical_ai_cli.operator import approve, hand_back, reset, takeover
from physical_ai_cli.recover import recover
from physical_ai_cli.replay import replay, replay_bags
from physical_ai_cli.security import security
from physical_ai_cli.train import app as train_app
from physical_ai_core.errors import PhysicalAIError

app = typer.Typer(
    name="physical-ai", no_args_is_help=True, add_completion=False, help="A Physical AI for ROS 2 robots, at the edge."
)
app.add_typer(bench_app, name="bench")
app.add_typer(train_app, name="train")
app.add_typer(campaign_app, name="campaign")
app.add_typer(models_app, name="models")
app.command()(export)
app.command()(fleet)
app.command()(mutants)
app.command()(security)
app.command()(incidents)
app.command()(recover)
app.command()(replay)
app.command(name="replay-bags")(replay_bags)
for said in (reset, approve, takeover, hand_back):
    app.command()(said)
console = Console()


@app.command()
def demo(
    instruction: Annotated[str | None, typer.Option(help="What to tell the robot, in Japanese or English.")] = None,
    scenario: Annotated[str, typer.Option(help="Name under config/scenarios, or a YAML file.")] = "yard",
    seed: Annotated[int, typer.Option(help="Seed of people and noise.")] = 0,
    real_time_factor: Annotated[
        float, typer.Option(help="Pace of the simulator; at most this.", min=0.1, max=10)
    ] = 1.0,
    out: Annotated[Path, typer.Option(help="Where bag, KPIs, picture and report go.")] = Path("out/demo"),
    parameters: Annotated[Path | None, typer.Option(help="ROS parameter file of the robot.")] = None,
    kill: Annotated[str | None, typer.Option(help="SIGKILL this node during the drive.")] = None,
) -> None:
    """Drive the simulated robot by a sentence, on the real ROS graph."""
    from physical_ai_bench.scenario import load_scenario
    from physical_ai_cli.demo import DemoOptions, run_demo, write_result
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_cli.summary import summarise
    from physical_ai_cli.terminal import LiveProgress, print_result

    chosen = load_scenario(scenario)
    options = DemoOptions(
        chosen, out, instruction if instruction is not None else chosen.instruction, seed, real_time_factor,
        parameters, kill,
    )  # fmt: skip
    ensure_language_model(console)
    console.print(f"instruction 指示: {options.instruction}", markup=False)
    with LiveProgress(console) as progress:
        result = run_demo(options, progress)
    summary = summarise(options, result)
    write_result(out / "kpi.json", options, result, summary.kpis)
    result.messages += summary.problems
    print_result(console, result, summary.shown(), {"kpi": str(out / "kpi.json"), **summary.files})
    raise typer.Exit(result.exit_code)


@app.command()
def goal(
    site: Annotated[str, typer.Option(help="Name under config/sites, or a YAML file.")],
    sentences: Annotated[Path, typer.Option("--in", help='One {"id", "text"[, "present"]} a line.')],
    out: Annotated[Path, typer.Option(help="One goal, question or refusal a line.")],
    check: Annotated[bool, typer.Option(help="The numeric check: site rules, room, reachability.")] = True,
    experts: Annotated[bool, typer.Option(help="Also what the experts tighten, ask or refuse.")] = False,
    model: Annotated[str, typer.Option(help="Name in config/models, YAML file, or transformers directory.")] = "",
    threads: Annotated[int, typer.Option(help="Threads of the language model.", min=1, max=64)] = 1,
    robot: Annotated[str, typer.Option(help="Name under config/robots, or a YAML file.")] = "scout",
) -> None:
    """Read sentences as the planner does, without a robot and without a graph."""
    from physical_ai_cli.goal import load_sentences, reader, write_goals
    from physical_ai_cli.language import ensure_language_model
    from physical_ai_core.errors import InputError
    from physical_ai_core.site import load_site
    from physical_ai_planner.language.weights import DEFAULT_MODEL

    load_site(site)  # a bad site is told before a model is loaded
    found, bad = load_sentences(sentences)
    if out.exists() and out.samefile(sentences):
        raise InputError(f"{out} is the input too.", "Give another file for --out.")
    if not model:
        ensure_language_model(console)
    with reader(site, robot, model or DEFAULT_MODEL, threads, check, experts, console) as made:
        write_goals(found, made, out, console)
    console.print(f"{len(found)} sentences: {out}", markup=False)
    if bad:
        raise InputError(f"{sentences}: {'; '.join(bad)}.", "These lines were left out; the others are done.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Lint, types, import rules and tests; further arguments go to pytest."""
    from physical_ai_cli.checks import run_checks
    from physical_ai_cli.language import ensure_language_model

    ensure_language_model(console)
    raise typer.Exit(run_checks(context.args))


@app.command()
def docs(folder: Annotated[Path, typer.Option(help="The docs folder.")] = Path("docs")) -> None:
    """Write the pages of docs/ that are generated from the tables."""
    from physical_ai_cli.documents import write_documents

    for path in write_documents(folder):
        console.print(str(path))


@app.command()
def setup() -> None:
    """Fetch and convert what runs need beyond the Python packages; `demo` and `test` do it by themselves."""
    from physical_ai_cli.language import ensure_language_model

    ensure_language_model(console)


@app.command()
def schema(name: Annotated[str, typer.Argument(help="goal or rules")] = "goal") -> None:
    """Print the JSON schema of a wire form or of a rules file."""
    import json

    from pydantic import BaseModel

    from physical_ai_core.errors import InputError
    from physical_ai_core.goal import GoalState
    from physical_ai_safety.schema import RulesFile

    forms: dict[str, type[BaseModel]] = {"goal": GoalState, "rules": RulesFile}
    if name not in forms:
        raise InputError(f"There is no schema '{name}'.", f"Known: {', '.join(forms)}.")
    print(json.dumps(forms[name].model_json_schema(), indent=2, ensure_ascii=False))


def main() -> None:
    """Entry point: typed errors become one paragraph and their exit code."""
    enter_ros_environment()
    try:
        app(standalone_mode=True)
    except PhysicalAIError as error:
        Console(stderr=True).print(f"error: {error}", style="red", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
