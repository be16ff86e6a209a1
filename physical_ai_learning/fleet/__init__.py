"""A fleet's recordings as facts, and what they say: ingest many bags, ask by SQL, write one page.

`facts.py` a bag's facts · `store.py` the folder of facts · `ingest.py` bags to facts, each once · `engine.py` who does
the work (this process, processes, Dask) · `asking.py`, `queries/` the questions · `report.py` the page.
"""
