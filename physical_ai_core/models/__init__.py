"""Models that come to a robot after its software did: fetched and verified, two slots each, and never a bad one loaded.

Here and not in the rooms that load them, because several do (world model, supervisor, console) and arrows point down.
Loading needs no more than the standard library and YAML; fetching needs the extra `update`.
"""
