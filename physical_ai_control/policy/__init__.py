"""A learnt second expert of the MPC: it proposes where the solver might begin besides the last plan, no more."""
