"""What a servo's benchmark needs on the graph: an ear for its diagnostics, and a plain rclpy timer as its peer."""
