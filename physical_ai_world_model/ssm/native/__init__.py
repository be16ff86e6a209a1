"""C for this machine: compiled at first use, kept in the user's cache, loaded with ctypes.

Offers `engine.Native` (the recurrence); `physical_ai_core.native` builds it.
"""
