"""Telemetry: the recorder (MCAP in rosbag2 layout), recovery, KPIs, report and dataset export.

`recover(folder)`, `kpis_of_bag(path)`, `write_report(…)` and `dataset.export(…)` work offline on any bag of this graph.
"""
