"""Whole sentences as people say them, each with its goal line: text files, and what reads them."""
