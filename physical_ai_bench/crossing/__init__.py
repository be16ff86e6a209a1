"""Crossing: recorded pedestrians walk across the robot's route, the whole stack in the loop from the LiDAR."""
