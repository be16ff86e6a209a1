"""Shared vocabulary of the suite: payloads, layouts, goal state, site, parameters and the graph table."""
