"""Planner: a person's words to one checked, numeric goal, and the route that serves it.

`core.PlannerCore` is the node's pure half. Words become a `GoalState` behind the `interpreter.Interpreter` protocol
(the local language model of `language/`, or the fixed commands of `scripted`); `grounding` turns its names into
poses, `checks` has the last word over it, `mission` carries it out step by step, `router` keeps the path.
"""
