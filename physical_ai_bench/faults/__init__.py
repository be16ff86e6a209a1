"""Faults put into the real graph: processes killed and stopped, topics relayed by a process that spoils them.

`plan` is what is done, `spoil` and `node` do it to messages, `judge` says by the simulator's truth whether the robot
was safe, `records` keeps the results and makes the page. `physical_ai_cli.fault_runs` brings the graph up and strikes.
"""
