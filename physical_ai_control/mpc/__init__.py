"""The optimal-control problem of the controller, the solvers behind one protocol, and the check of every solution."""
