"""What the benchmark of the safety gate drives it with: scans, traffic over DDS, a killed process, recorded drives."""
