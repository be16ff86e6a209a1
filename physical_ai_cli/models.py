"""`physical-ai models`: judge, publish, fetch and change the models of a robot. Tables, or JSON, on standard output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import typer

from physical_ai_cli.models_judge import judge
from physical_ai_cli.models_tables import console, show
from physical_ai_core.errors import InputError
from physical_ai_core.models.slots import PACKAGE, SLOTS, Slots, models_folder

app = typer.Typer(
    no_args_is_help=True,
    help="Judged, signed and reversible model updates. Exit codes: 0 done, 1 judged worse, 2 refused or bad input.",
)

Folder = Annotated[Path, typer.Argument(help="The repository's folder.")]
Keys = Annotated[Path, typer.Option(help="Folder of the keys (ROLE_N.pem).")]
Source = Annotated[str, typer.Argument(help="The repository: a folder (a USB stick) or an HTTP address.")]
Models = Annotated[str, typer.Option("--models", help="Where models lie on the robot; else $PHYSICAL_AI_MODELS.")]
Name = Annotated[str, typer.Option(help="people or own_motion.")]
Robot = Annotated[str, typer.Option(help="Type of this robot: a name under config/robots.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Root = Annotated[Path | None, typer.Option(help="The root to trust, once: metadata/1.root.json, brought by a person.")]


def architecture_of(name: str) -> str:
    """What this software runs under that name. Raises InputError."""
    from physical_ai_world_model.own_motion.weights import ARCHITECTURE as OWN_MOTION
    from physical_ai_world_model.ssm.shape import ARCHITECTURE as PEOPLE

    known = {"people": PEOPLE, "own_motion": OWN_MOTION}
    if name not in known:
        raise InputError(f"There is no model '{name}'.", f"Known: {', '.join(known)}.")
    return known[name]


def loads(name: str) -> Callable[[Path], None]:
    """Loads a slot's weights as the robot would and lets them speak once; raises what is wrong."""

    def people(folder: Path) -> None:
        from physical_ai_world_model.ssm.probe import probe
        from physical_ai_world_model.ssm.weights import load

        probe(load(folder / "weights"))

    def own_motion(folder: Path) -> None:
        from physical_ai_world_model.own_motion.probe import probe

        probe(folder / "weights")

    return {"people": people, "own_motion": own_motion}[name]


@app.command()
def init(
    folder: Folder, keys: Keys,
    root_keys: Annotated[int, typer.Option(help="Root keys made.", min=1, max=16)] = 2,
    root_threshold: Annotated[int, typer.Option(help="Root keys that must sign.", min=1, max=16)] = 2,
    targets_keys: Annotated[int, typer.Option(help="Keys that release models.", min=1, max=16)] = 1,
    targets_threshold: Annotated[int, typer.Option(help="Of these must sign.", min=1, max=16)] = 1,
    root_days: Annotated[int, typer.Option(help="Validity of the root.", min=1)] = 365,
    targets_days: Annotated[int, typer.Option(help="Validity of the list of models.", min=1)] = 180,
    timestamp_days: Annotated[int, typer.Option(help="How old what a robot is shown may be.", min=1)] = 30,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make keys and an empty signed repository."""
    from physical_ai_learning.release.repository import DAYS, Policy, Repository

    policy = Policy(
        {"root": root_keys, "targets": targets_keys, "snapshot": 1, "timestamp": 1},
        {"root": root_threshold, "targets": targets_threshold},
        {**DAYS, "root": root_days, "targets": targets_days, "timestamp": timestamp_days,
         "snapshot": max(DAYS["snapshot"], timestamp_days)},
    )  # fmt: skip
    root = Repository(folder, keys).begin(policy)
    show(as_json, "repository", [{"root": str(root), "keys": str(keys), "valid_days": dict(policy.days)}])


@app.command("rotate-key")
def rotate_key(
    folder: Folder,
    role: Annotated[str, typer.Argument(help="root, targets, snapshot or timestamp.")],
    keys: Keys,
    as_json: AsJson = False,
) -> None:
    """Replace the keys of a role by new ones; robots that trust the old root follow by themselves."""
    from physical_ai_learning.release.repository import Repository

    root = Repository(folder, keys).rotate(role)
    show(as_json, "keys", [{"role": role, "root": str(root), "keys": str(keys)}])


app.command()(judge)


@app.command()
def publish(
    folder: Folder,
    weights: Annotated[Path, typer.Argument(help="The file of the weights.")],
    keys: Keys,
    decision: Annotated[Path, typer.Option(help="The gate's decision.json about these weights.")],
    name: Name = "people",
    robot: Annotated[list[str] | None, typer.Option(help="For this type of robot; may be repeated; '*': all.")] = None,
    minimum_software: Annotated[str, typer.Option(help="Oldest software that runs it; else this one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add the next version of a model. Without an accepting decision of the gate nothing is published."""
    from physical_ai_learning.release.repository import Repository, read_decision

    try:
        content = weights.read_bytes()
    except OSError as error:
        raise InputError(f"{weights} cannot be read: {error}.", "Name the file of the weights.") from error
    offer = Repository(folder, keys).publish(
        content, read_decision(decision), name, robot or ["scout"], architecture_of(name),
        minimum_software or version_of("physical_ai"),
    )  # fmt: skip
    show(as_json, "published", [row_of(offer)])


@app.command()
def renew(folder: Folder, keys: Keys, as_json: AsJson = False) -> None:
    """Sign the timestamp anew, before it expires: robots refuse to be shown an old state for ever."""
    from physical_ai_learning.release.repository import Repository

    Repository(folder, keys).renew()
    show(as_json, "renewed", [{"folder": str(folder)}])


@app.command()
def verify(source: Source, root: Root = None, models: Models = "", as_json: AsJson = False) -> None:
    """Check a repository as a robot does, and list what it offers."""
    from physical_ai_core.models.client import ModelClient

    client = ModelClient(models_folder(models), source)
    if root is not None:
        client.believe(readable(root))
    client.refresh()
    rows = [row_of(offer) for name in ("people", "own_motion") for offer in client.offers(name)]
    show(as_json, "offers", rows)
    if not as_json and client.clock.wrong_by_s:
        console.print(f"This computer's clock is at least {client.clock.wrong_by_s:.0f} s behind.", style="yellow")


@app.command()
def install(
    source: Source, name: Name = "people", robot: Robot = "scout",
    version: Annotated[int | None, typer.Option(help="This one instead of the newest.")] = None,
    root: Root = None, models: Models = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Fetch a model, check everything about it, and put it into the slot that is not active."""
    from physical_ai_core.models.client import ModelClient
    from physical_ai_core.models.offer import Wanted

    wanted = Wanted(robot, architecture_of(name), version_of("physical_ai"))
    client = ModelClient(models_folder(models), source)
    if root is not None:
        client.believe(readable(root))
    client.refresh()
    card = client.install(name, wanted, loads(name), version)
    show(as_json, "installed", [{**asdict(card), "resumed_bytes": client.resumed_bytes}])


@app.command()
def promote(
    name: Name = "people",
    without_shadow: Annotated[bool, typer.Option(help="Though it was not tried beside the active one.")] = False,
    thresholds: Annotated[str, typer.Option(help="Name under config/release, or a YAML file; else the model's.")] = "",
    models: Models = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make the installed model the active one, from the world model's next activation on."""
    from physical_ai_core.models.limits import load_limits
    from physical_ai_core.models.watch import judge_shadow

    slots = Slots(name, models_folder(models))
    limits = load_limits(thresholds or name)
    waiting = slots.candidate()
    if waiting is not None and not without_shadow:
        reasons = judge_shadow(slots.noted("shadow.json"), waiting[1].sha256, limits.shadow)
        if reasons:
            console.print(f"not promoted: {'; '.join(reasons)}", style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1)
    show(as_json, "promoted", [asdict(slots.promote())])


@app.command()
def rollback(
    name: Name = "people", reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "a person's wish",
    models: Models = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Go back to what was active before. What is active now never comes again on this robot."""
    chosen = Slots(name, models_folder(models)).roll_back(reason)
    active = str(chosen.folder or PACKAGE)
    show(as_json, "rolled back", [{"active": active, "sha256": chosen.sha256, "warning": chosen.warning}])


@app.command()
def status(models: Models = "", as_json: AsJson = False) -> None:
    """What is active, what waits, what was refused; of every model."""
    rows = []
    for name in ("people", "own_motion"):
        slots = Slots(name, models_folder(models))
        chosen, row = slots.chosen(), {"name": name}
        try:
            pointer = slots.pointer()
        except InputError as error:
            rows.append({**row, "active": PACKAGE, "warning": error.cause})
            continue
        row |= {"active": pointer.active if chosen.folder else PACKAGE, "version": str(chosen.version or "")}
        for slot in SLOTS:
            try:
                card = slots.card(slot)
                row[slot] = f"{card.version} {card.sha256[:12]}"
            except InputError:
                row[slot] = "empty or damaged" if (slots.folder / slot).exists() else "empty"
        row |= {"refused": " ".join(one[:12] for one in pointer.refused), "reason": pointer.reason}
        rows.append({**row, "warning": chosen.warning})
    show(as_json, "models", rows)


def row_of(offer: Any) -> dict[str, Any]:
    about = offer.about
    return {
        "name": offer.name, "version": offer.version, "sha256": offer.sha256, "bytes": offer.length,
        "robots": list(about.robots), "architecture": about.architecture, "software": about.minimum_software,
        "decision": about.decision_sha256,
    }  # fmt: skip


def readable(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.", "Name the file of the root.") from error
