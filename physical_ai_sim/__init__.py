"""The simulated robot, its sensors and its world: MuJoCo physics, recorded people, ground truth."""
