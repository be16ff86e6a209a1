"""Loading one node over DDS as a robot would: a recording, a feeder, a bare relay beside it, and an ear."""
