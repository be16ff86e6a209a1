"""Rules files that are written out in a test, and what comes of loading them."""

from __future__ import annotations

from typing import Any

import pytest

from physical_ai_core.robot import Robot, load_robot
from physical_ai_core.site import Site, load_site
from physical_ai_safety.rules import RulesError, combine
from physical_ai_safety.schema import RulesFile

BASIS = {"clause": "site order 1", "hazard": "none, this is a test"}
NIGHT = {"hours": [{"from": "22:00", "until": "06:00"}]}
DAYTIME = {"hours": [{"from": "06:00", "until": "22:00"}]}
YARD = [[0.3, 0.3], [39.7, 0.3], [39.7, 23.7], [0.3, 23.7]]
POCKET = [[14.0, 12.0], [19.0, 12.0], [19.0, 16.0], [14.0, 16.0]]  # free ground of the yard


def box(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def rule(name: str, kind: str, **content: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, **BASIS, **content}


def loaded(*rules: dict[str, Any], site: Site | None = None, robot: Robot | None = None, **content: Any) -> RulesFile:
    file = RulesFile.model_validate({"name": "test", "gates": ["north"], "rules": list(rules), **content})
    return combine(file, site or load_site("yard"), robot or load_robot("scout")).file


def refused(*rules: dict[str, Any], site: Site | None = None, robot: Robot | None = None, **content: Any) -> str:
    with pytest.raises(RulesError) as caught:
        loaded(*rules, site=site, robot=robot, **content)
    assert "cannot both hold" in caught.value.cause and caught.value.mend.startswith("Mend: ")
    return str(caught.value)


def named(text: str, *words: str) -> bool:
    return all(word in text for word in words)
