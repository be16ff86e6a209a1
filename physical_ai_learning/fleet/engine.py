"""Who does the work: this process, processes of this machine, or Dask, for more machines. One verb: map a task.

Tasks are functions of this package and their arguments small (a path, a hash): any engine that can call a function
elsewhere fits here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Protocol

from physical_ai_core.errors import DependencyError, InputError, PhysicalAIError


class Engine(Protocol):
    """`map` calls `task` on every item and gives the results in the items' order, each as soon as it is there."""

    name: str
    workers: int

    def map(self, task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]: ...


class Local:
    """This process, or some processes of this machine."""

    name = "local"

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else None

    def map(self, task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        return iter(map(task, items) if self._pool is None else self._pool.map(task, items))

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class Dask:
    """A Dask cluster: the one at `address`, or one of `workers` processes that is started here for the while."""

    name = "dask"

    def __init__(self, workers: int = 2, address: str = "") -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise DependencyError("distributed", "fleet-dask") from error
        self._cluster: Any = None
        try:
            if not address:
                self._cluster = LocalCluster(
                    n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
                )
            self._client = Client(address or self._cluster)
        except OSError as error:
            raise PhysicalAIError(
                f"No Dask cluster at {address or 'this machine'}: {error}.", "Check --address."
            ) from error
        self.workers = len(self._client.scheduler_info(n_workers=-1)["workers"])

    def map(self, task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        futures = self._client.map(task, items, pure=False)
        try:
            for future in futures:
                yield future.result()
        finally:
            self._client.cancel(futures)

    def close(self) -> None:
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


@contextmanager
def engine(name: str, workers: int, address: str = "") -> Iterator[Engine]:
    """An engine by its name. Raises InputError, DependencyError, or PhysicalAIError where no cluster answers."""
    if name not in ("local", "dask"):
        raise InputError(f"'{name}' is no engine.", "Choose local or dask.")
    made: Local | Dask = Local(workers) if name == "local" else Dask(workers, address)
    try:
        yield made
    finally:
        made.close()
