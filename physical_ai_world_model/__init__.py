"""World model: the next seconds of the robot and of every object around it, with their uncertainty.

Offers `core.WorldModelCore`, `parameters.WorldModelParameters`; inside, `kalman` (interacting multiple models over
tracked objects), `predictor` (mixture over the horizon), `own_motion` and `surprise`.
"""
