"""Wheel speeds for robots whose drivers take those instead of a velocity of the base."""
