"""The parameter files for real robots: each is accepted, drives, and names the sensors it waits for."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from physical_ai_core.parameters import load
from physical_ai_perception.core import PerceptionCore
from physical_ai_perception.parameters import PerceptionParameters
from physical_ai_perception.warm_up import warm_up

FOLDER = Path(__file__).resolve().parents[2] / "config" / "perception"
FILES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_is_accepted_and_names_every_sensor_it_waits_for(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters = load(PerceptionParameters, content["perception"]["ros__parameters"])
    warm_up(parameters)
    core = PerceptionCore(parameters)
    core.tick(10.0)
    message = core.health().message
    for name in parameters.expected_sensors:
        assert name in message


def test_every_file_is_in_the_documentation() -> None:
    page = (FOLDER.parents[1] / "docs" / "perception_robots.md").read_text(encoding="utf-8")
    assert FILES and all(f"`{path.name}`" in page for path in FILES)
