"""The suite's own QP solver for real-time iterations: an interior point over a Riccati recursion.

`solver.RiccatiSolver` stands behind the solvers' protocol. `stage.py` writes the model in casadi, `translate.py` prints
it, `generate.py` joins it with `kernel.c` or `kernel.py`, `engine.py` compiles and checks that, `layout.py` says where
numbers lie.
"""
