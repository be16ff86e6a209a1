"""Offline: sentences to train the planner's language adapter on, its training and its measurement."""
