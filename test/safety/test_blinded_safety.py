"""A sweep that sees too little is no sweep: half of all rays, a fifth of each eighth, but for what the robot covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from physical_ai_safety.plausible import blinded

RAYS = 400
STEP = 2.0 * math.pi / RAYS


def but(*dark: slice) -> NDArray[np.bool_]:
    """A whole turn of rays that see, but for these."""
    usable = np.ones(RAYS, dtype=np.bool_)
    for part in dark:
        usable[part] = False
    return usable


@pytest.mark.parametrize("sector", range(8))
@pytest.mark.parametrize("sense", [1, -1])
def test_the_dark_sector_is_told_in_degrees_from_edge_to_edge(sector: int, sense: int) -> None:
    said = blinded(but(slice(50 * sector, 50 * sector + 50)), -sense * math.pi, sense * STEP)
    begins = sense * (45 * sector - 180)
    assert said == f"blinded {begins} to {begins + sense * 45} deg"


@pytest.mark.parametrize(("seeing", "named"), [(0, True), (1, True), (9, True), (10, False)])
def test_of_fifty_rays_of_a_sector_ten_must_see(seeing: int, named: bool) -> None:
    assert blinded(but(slice(100 + seeing, 150)), -math.pi, STEP) == ("blinded -90 to -45 deg" if named else "")


@pytest.mark.parametrize(("step", "named"), [(2, False), (3, True)])
def test_half_of_the_rays_are_enough(step: int, named: bool) -> None:
    usable = np.zeros(RAYS, dtype=np.bool_)
    usable[::step] = True
    assert blinded(usable, -math.pi, STEP) == ("blinded" if named else "")
    usable[0] = False
    assert blinded(usable, -math.pi, STEP) == "blinded"


def test_what_the_robot_covers_excuses_those_rays_and_no_others() -> None:
    dark, other = slice(100, 150), slice(300, 350)
    mask = (-0.5 * math.pi - 0.5 * STEP, -0.25 * math.pi - 0.5 * STEP)
    assert blinded(but(dark), -math.pi, STEP, [mask]) == ""
    assert blinded(but(other), -math.pi, STEP, [mask]) == blinded(but(dark, other), -math.pi, STEP, [mask])
    assert blinded(but(dark, other), -math.pi, STEP, [mask]) == "blinded 90 to 135 deg"
    assert blinded(but(dark, other), -math.pi, STEP, [mask, (1.5, 2.4)]) == ""


@pytest.mark.parametrize(("mask", "named"), [
    ((0.5, 0.5), False), ((0.5, 0.6), False), ((0.4, 0.5), False), ((0.51, 0.6), True), ((0.4, 0.49), True),
])  # fmt: skip
def test_a_ray_on_the_edge_of_what_is_covered_is_covered(mask: tuple[float, float], named: bool) -> None:
    """Three of eight rays see, and half of them must."""
    usable = np.array([True, True, False, False, True, False, False, False])
    assert blinded(usable, 0.0, 0.25, [mask]) == ("blinded" if named else "")
