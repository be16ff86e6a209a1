"""The ROS side of the core: conversion, QoS, the lifecycle shell. The only room besides `node.py` files that needs rclpy."""
