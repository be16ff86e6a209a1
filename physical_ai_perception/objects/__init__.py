"""Objects around: sweeps in `odom`, clusters, and tracks with velocity and covariance."""
