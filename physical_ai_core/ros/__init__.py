"""The ROS side of the core: conversion, QoS and the lifecycle shell; with `node.py` files, the only rclpy rooms."""
