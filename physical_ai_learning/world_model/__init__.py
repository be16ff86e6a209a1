"""Offline: what the world model learns from, its training and the weights that come of it."""
