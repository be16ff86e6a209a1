"""Perception: sensors to numeric state. `core.PerceptionCore`, `parameters.PerceptionParameters`, `node`."""
