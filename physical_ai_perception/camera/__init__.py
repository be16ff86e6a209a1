"""Camera: pictures to poses of tags (for localisation and docking) and to classes of what the LiDAR tracks.

`eyes` turn pictures into tags and boxes, at once or in a worker; `place` and `labeller` are plain numbers; `camera` is
what the core drives.
"""
