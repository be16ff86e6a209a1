"""The people model: a selective state space in continuous time, from observed tracks to mixtures of futures."""
