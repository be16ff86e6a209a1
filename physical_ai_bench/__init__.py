"""The bench: the same cores as on the robot, composed in one process on a simulated clock, without DDS.

`Runner` drives them from a bag or a simulator, `replay` is a real robot's bag through perception and world model,
`campaign` is scenario x fault x seed over the whole stack.
"""
