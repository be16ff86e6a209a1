"""Supervisor: brings the managed nodes up in order, a restarted one back alone, and tells /diagnostics how all are.

`core.SupervisorCore` decides, `node` asks the nodes' lifecycle services.
"""
