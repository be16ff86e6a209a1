"""BARN: a robot of Jackal size through unknown clutter, the whole stack in the loop from the LiDAR.

Perille, Truong, Xiao, Stone: Benchmarking Metric Ground Navigation, SSRR 2020. Score as the BARN challenge has it.
"""
