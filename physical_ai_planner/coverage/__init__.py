"""Driving over the whole of a field: decomposition, headland passes, turns, order, and how good it came out.

Pure geometry in `map`: polygons (shapely) and points (N, 2) in metres; what the robot may enter is the caller's word.
"""

from physical_ai_planner.coverage.course import CoverageSettings, Piece, cover
from physical_ai_planner.coverage.judge import Coverage, judge

__all__ = ["Coverage", "CoverageSettings", "Piece", "cover", "judge"]
