"""Replay as a regression test: recorded inputs through the real cores, every output against a stored reference."""
