"""Model weights in few bytes: an 8-bit float, two codes for whole numbers, and the file a robot loads them from."""
