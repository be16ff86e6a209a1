"""Offline side of model updates: the gate that judges a candidate, and the signed repository it is published to."""
