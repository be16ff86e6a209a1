"""Workers: shares of a batch, and that averaged or sharded steps are the step of one."""

from __future__ import annotations

import multiprocessing
import os
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="extra `language`: training needs torch")

from physical_ai_learning.training.parallel import (  # noqa: E402
    Crew,
    WorkersError,
    crew,
    full_state,
    launch,
    set_full_state,
    share,
)


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 9))
def test_shares_are_all_of_it_in_order_and_nearly_equal(weights: list[int], size: int) -> None:
    runs = share(weights, size)
    assert len(runs) == size
    assert [k for run in runs for k in range(run.start, run.stop)] == list(range(len(weights)))
    most = max(weights, default=0)
    assert all(sum(weights[run]) <= sum(weights) / size + most + 1e-9 for run in runs)


def test_without_torchrun_there_is_one_worker_and_nothing_is_begun() -> None:
    with crew("cpu") as own:
        assert own == Crew() and own.first and own.told([1.5, 2.0]) == [1.5, 2.0] and own.every("x") == ["x"]
        assert not torch.distributed.is_initialized()


def step_of(own: Crew, how: str) -> dict[str, Any]:
    """Weights after three steps, each worker with its half of the batch."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    net = own.sharded(module) if how == "sharded" else own.whole(module)
    set_full_state(net, {name: value * 2.0 for name, value in full_state(net).items()})
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    batch = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))[own.rank :: own.size]
    for _ in range(3):
        net(batch).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    return {name.removeprefix("module."): value.tolist() for name, value in full_state(net).items()}


def worker(rank: int, port: str, how: str, out: Any) -> None:
    os.environ.update(TORCHELASTIC_RUN_ID="test", WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank),
                      MASTER_ADDR="127.0.0.1", MASTER_PORT=port)  # fmt: skip
    with crew("cpu") as own:
        assert own.told([float(rank)]) == [0.0] and own.every(rank) == [0, 1]
        found = step_of(own, how)
        if own.first:
            out.put(found)


@pytest.mark.parametrize("how", ["whole", "sharded"])
def test_two_workers_take_the_step_of_one(how: str) -> None:
    fork = multiprocessing.get_context("fork")
    out = fork.Queue()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    pair = [fork.Process(target=worker, args=(rank, port, how, out)) for rank in range(2)]
    for process in pair:
        process.start()
    found = out.get(timeout=60)
    for process in pair:
        process.join(60)
        assert process.exitcode == 0
    wanted = step_of(Crew(), how)
    assert found.keys() == wanted.keys()
    assert all(torch.allclose(torch.tensor(found[k]), torch.tensor(wanted[k]), atol=1e-6) for k in wanted)


@pytest.mark.slow  # torchrun imports torch in three processes: ten seconds and more
def test_workers_that_keep_ending_are_an_error_that_says_so() -> None:
    with pytest.raises(WorkersError, match="after 0 restarts"):
        launch("physical_ai_learning.world_model.people_job", ["nowhere.json"], 2, restarts=0)
