"""Loading a recorder over DDS: traffic of the whole graph and a camera, and simpler recorders beside it."""
