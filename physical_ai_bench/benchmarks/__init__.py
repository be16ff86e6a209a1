"""Benchmarks: each file measures one thing beside a peer in the same run and returns its page."""
