"""Planar LiDAR mapping: scan matching on a likelihood field, pose graph with loop closure, localisation in a map."""
