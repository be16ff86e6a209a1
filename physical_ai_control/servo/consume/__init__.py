"""The reference consumer as a process on the graph."""
