"""Surroundings: a rolling occupancy grid in `odom`."""
