"""Whose command counts: the whole truth table of two voices and a take-over."""

from __future__ import annotations

import itertools

from physical_ai_safety.arbitration import Voice, choose
from physical_ai_safety.situation import Command

BOTH = (False, True)


def voices(source: str) -> list[Voice]:
    """Every voice that can be: (moves or refused or rests) × (fresh, silent since a while, never heard)."""
    commands = [Command(source, 0.5), Command(source, 0.0, 0.5), Command(source), Command(source, refused="nan")]
    said = [Voice(command, fresh, True) for command in commands for fresh in BOTH]
    return [*said, Voice(Command(source), False, False)]


def test_a_person_goes_before_autonomy_and_nobody_moves_the_robot_without_a_fresh_word() -> None:
    for driver, teleop, autonomy in itertools.product(("", "ann"), voices("teleop"), voices("autonomy")):
        chosen = choose(driver, teleop, autonomy)
        if teleop.fresh:
            assert chosen == teleop.command
        elif driver:  # the dead-man is let go: the robot stands, and autonomy does not come in
            assert (chosen.v_mps, chosen.w_rps, chosen.source, chosen.driver) == (0.0, 0.0, "teleop", "ann")
            assert chosen.lost is teleop.cut_off
        elif autonomy.fresh:
            assert chosen == autonomy.command
        else:
            assert (chosen.v_mps, chosen.w_rps, chosen.source) == (0.0, 0.0, "none")
            assert chosen.lost is autonomy.cut_off


def test_a_voice_is_cut_off_when_it_asked_for_motion_or_nonsense_and_then_fell_silent() -> None:
    assert [voice.cut_off for voice in voices("teleop")] == [True, False, True, False, False, False, True, False, False]
