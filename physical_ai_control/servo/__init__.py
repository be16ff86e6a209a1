"""The servo between two solutions of the MPC: tracking law, wheel control, a loop with absolute deadlines, the seam.

Everything here but `gains.py` runs without casadi and without rclpy, so that its process starts and locks little.
"""
