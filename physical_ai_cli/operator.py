"""A person's word to a running robot by the gate's own interfaces: reset, approve or refuse, take over, hand back."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer
from rich.console import Console

Namespace = Annotated[str, typer.Option(help="Namespace of the robot.")]
Why = Annotated[str, typer.Option(help="Your reason, kept with the recording.")]
Name = Annotated[str, typer.Option("--person", help="Who you are; without it, the name of your account.")]


def reset(namespace: Namespace = "") -> None:
    """Release a latched stop of a running robot, or a robot that has just started; refused while a cause stands."""
    from physical_ai_cli.node import Operator

    with Operator(namespace) as operator:
        done, text = operator.trigger("safety/reset")
    _end(done, text)


def approve(
    id: Annotated[str, typer.Argument(help="Id of the request; without it the open requests are shown.")] = "",
    yes: Annotated[bool, typer.Option("--yes/--no", help="Approve or refuse.")] = True,
    person: Name = "",
    why: Why = "",
    namespace: Namespace = "",
) -> None:
    """Answer a request for approval, or show what is asked."""
    from physical_ai_core.reports import PersonsAnswer

    person = person or _account()
    from physical_ai_cli.node import Operator

    with Operator(namespace) as operator:
        if not id:
            for one in operator.requests():
                said = ", ".join(one["yes"]) or "nobody"
                line = f"{one['id']}: {one['action']} ({one['context']}); yes: {said} of {one['persons']}"
                Console().print(line, markup=False)
            return
        notes = operator.say("safety/answer", PersonsAnswer(id, person, yes, why), person)
    whats = [note["what"] for note in notes]
    _end(bool(whats) and "denied" not in whats, f"{id}: {', '.join(whats) or 'no answer of the gate'}")


def takeover(person: Name = "", why: Why = "", namespace: Namespace = "") -> None:
    """Take the robot over: it stands, or follows cmd_vel_teleop, until you hand it back."""
    _drive(person, True, namespace, why)


def hand_back(person: Name = "", namespace: Namespace = "") -> None:
    """Give a robot that stands back to autonomy."""
    _drive(person, False, namespace)


def _drive(person: str, takes: bool, namespace: str, why: str = "") -> None:
    from physical_ai_core.reports import Takeover

    person = person or _account()
    from physical_ai_cli.node import Operator

    with Operator(namespace) as operator:
        notes = operator.say("safety/driver", Takeover(person, takes, why), person)
    text = "; ".join(f"{note['what']} {note['context']}".strip() for note in notes) or "no change"
    _end(bool(notes) and notes[-1]["what"] in ("took_over", "handed_back"), text)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name
        return f"uid {os.getuid()}"


def _end(done: bool, text: str) -> None:
    Console(stderr=not done).print(text, markup=False)
    raise typer.Exit(0 if done else 1)
