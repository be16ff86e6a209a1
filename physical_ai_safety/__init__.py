"""Safety gate: the last word over every command.

`gate.decide` is the pure function, `core.GateCore` drives it from the topics of the graph table, `node` is its shell.
It needs raw ranges, wheel odometry and the rules; only zones of the map need the estimated pose.
"""
