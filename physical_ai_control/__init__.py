"""Controller: model-predictive control along the plan, around what stands and what moves.

Offers `core.ControllerCore`, `parameters.ControllerParameters`; inside, `mpc` (the optimal-control problem, its
solvers behind one protocol, the check of every solution) and the decisions around it.
"""
