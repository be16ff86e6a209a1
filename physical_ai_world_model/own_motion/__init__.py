"""The robot's own next seconds. `kinematic` (unicycle with lag, trajectory), grey-box `dynamics` whose ground is told
by a small state-space model over the `history`, `model.OwnMotion`, which offers both to the core, and `source`: whose
weights it runs."""

from physical_ai_world_model.own_motion.kinematic import commands_along, follow_command, follow_trajectory
from physical_ai_world_model.own_motion.model import Ahead, OwnMotion
from physical_ai_world_model.own_motion.source import own_motion_of

__all__ = ["Ahead", "OwnMotion", "commands_along", "follow_command", "follow_trajectory", "own_motion_of"]
