"""C for this machine: compiled at first use, kept in the user's cache, loaded with ctypes.

Offers `build.shared_library` (any C file) and `engine.Native` (the recurrence).
"""
