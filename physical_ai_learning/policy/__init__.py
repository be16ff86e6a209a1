"""Training of the controller's second expert: reinforcement learning in a fast vectorised world."""
