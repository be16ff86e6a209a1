"""`physical-ai recover BAG`: a recording that was cut off or damaged made whole, and what is lost of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def recover(
    bag: Annotated[Path, typer.Argument(help="Folder of a recording. Files that are damaged are replaced.")],
    quick: Annotated[bool, typer.Option("--quick", help="Finish what is unfinished; do not read the rest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Make a recording whole: unfinished files are finished, of damaged ones every chunk is kept that was not hit."""
    from physical_ai_telemetry.recover import recover as recover_bag

    done = recover_bag(bag, check=not quick)
    told = {
        "written_anew": list(done.recovered), "removed": list(done.removed), "messages": done.messages,
        "lost_chunks": len(done.lost), "lost_s": [list(span) for span in done.lost_s],
        "lost_bytes": done.lost_bytes, "nameless_messages": done.nameless,
    }  # fmt: skip
    if as_json:
        print(json.dumps({"recovered": {"bag": str(bag), **told}}, indent=2, ensure_ascii=False))
        return
    console = Console()
    if not done.recovered and not done.removed:
        console.print(f"{bag}: nothing to recover", markup=False, soft_wrap=True)
        return
    table = Table("what", "how much", title="recovered")
    table.add_row("files written anew", ", ".join(done.recovered) or "none")
    table.add_row("files removed, without a whole chunk", ", ".join(done.removed) or "none")
    table.add_row("messages kept in them", str(done.messages))
    table.add_row("chunks lost", str(len(done.lost)))
    table.add_row("messages missing from … to", "\n".join(f"{a:.3f} s … {b:.3f} s" for a, b in done.lost_s) or "–")
    table.add_row("bytes not sound, the unfinished end with them", str(done.lost_bytes))
    table.add_row("messages whose channel is not known any more", str(done.nameless))
    console.print(table)
