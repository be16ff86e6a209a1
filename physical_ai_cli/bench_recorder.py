"""`physical-ai bench recorder`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from physical_ai_bench.page import FOLDER
from physical_ai_cli.bench import Folder, app, console, show


@app.command()
def recorder(
    minutes: Annotated[float, typer.Option(help="Traffic for the recorder; ten for the claim.", min=0.2)] = 1.0,
    factor: Annotated[float, typer.Option(help="Rate of the graph's traffic over the table's.", min=0.1)] = 1.0,
    folder: Folder = FOLDER,
) -> None:
    """CPU and losses of the recorder under the whole graph's traffic and a 10 MB/s camera, beside simpler programs."""
    from physical_ai_bench.benchmarks.recorder import recorder_page
    from physical_ai_cli.environment import ros_environment

    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    show(recorder_page(ros_environment(), 60.0 * minutes, factor, lambda name: console.print(f"… {name}")), folder)
