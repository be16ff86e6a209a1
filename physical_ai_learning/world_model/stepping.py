"""One training step over whole windows, of fixed sizes, so that a GPU can replay it as graphs.

Sizes are fixed by padding: rows that nobody stands in, targets of weight zero. What a step draws by chance comes from
the host (`sampling`); everything else happens on the device. A step has two halves: the slope, after which loss and
norm of the gradient are known, and the update, which the guard may forbid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from physical_ai_learning.compression.backslash import RateConstraint
from physical_ai_learning.training.parallel import Crew
from physical_ai_learning.world_model.batches import (
    SHARE_STEPS,
    Group,
    constant,
    direction,
    edge_tensor,
    feature_tensor,
    into,
)
from physical_ai_learning.world_model.loss import losses_of, paths_of
from physical_ai_learning.world_model.network import PeopleModel
from physical_ai_learning.world_model.sampling import Draft, Planner, Slots
from physical_ai_learning.world_model.windows import AHEAD
from physical_ai_world_model.ssm.decoder import PATH_SHARES

PLAIN_STEPS = 3  # before a graph is captured
KEPT = 0.998  # of the slow mean of the weights, a step
CLIP = 1.0  # of the gradient's norm


def batch_loss(model: PeopleModel, group: Group, slots: Slots, end: float, likelihood: float) -> Tensor:
    """The loss of what the slots describe."""
    velocities = group.velocities[slots.rows] * slots.factor[:, None, None]
    xy, ahead = group.xy_m[slots.rows] * slots.factor, group.ahead_m[slots.rows] * slots.factor[:, None]
    horizon_s = group.step_s * AHEAD
    now, target, who = velocities[:, -1], slots.target, slots.near.clamp(min=0)
    v, frame = now[:, 0], direction(now[target])
    at = constant(PATH_SHARES, xy.device)[:, None] * horizon_s
    truth = (xy[:, None] + ahead[:, SHARE_STEPS])[who]
    could = (slots.near >= 0) & torch.isfinite(truth).all(-1).all(-1)
    draw = slots.told.masked_fill(~could, -1.0)
    known = ((draw >= 0.0) & (draw >= draw.max(1, keepdim=True)[0])).float()
    straight = (xy[:, None] + at * v[:, None])[who]
    paths = torch.where(known[..., None, None] > 0, torch.nan_to_num(truth), straight)
    edges = edge_tensor(xy[target], v[target], frame, xy[who], v[who], paths, known, horizon_s)
    log_horizon = torch.full_like(slots.weight, float(np.log(horizon_s / 4.8)))
    features = feature_tensor(velocities, group.age_s[slots.rows])
    out = model(features, group.dt_s[slots.rows], target, edges, slots.near, log_horizon)
    goal = torch.nan_to_num(into(frame[:, None], ahead[target]))
    paths_ahead = paths_of(out, into(frame, v[target]), horizon_s, model.shape)
    return (losses_of(paths_ahead, goal, slots.relax, end, likelihood) * slots.weight).sum()


class Objective(nn.Module):
    """The model with its loss as one module, which is what several workers share."""

    def __init__(self, model: PeopleModel, end: float, likelihood: float) -> None:
        super().__init__()
        self.model, self._end, self._likelihood = model, end, likelihood

    def forward(self, group: Group, slots: Slots) -> Tensor:
        return batch_loss(self.model, group, slots, self._end, self._likelihood)


class Replayed:
    """Work on a GPU that after a few plain runs is one captured graph; elsewhere it stays plain."""

    def __init__(self, work: Callable[[], None], stream: torch.cuda.Stream | None) -> None:
        """`stream`: where plain runs and the capture happen, one for all; None: no graph."""
        self._work, self._stream = work, stream
        self._graph: torch.cuda.CUDAGraph | None = None
        self._plain = 0

    def __call__(self) -> None:
        if self._graph is not None:
            self._graph.replay()
        elif self._stream is None:
            self._work()
        else:
            self._on_stream(self._stream)

    def _on_stream(self, stream: torch.cuda.Stream) -> None:
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._work()
        torch.cuda.current_stream().wait_stream(stream)
        self._plain += 1
        if self._plain == PLAIN_STEPS:
            torch.cuda.synchronize()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=stream):
                self._work()
            self._graph = graph


class Stepper:
    """The slope of one group's batches."""

    def __init__(
        self, objective: nn.Module, group: Group, planner: Planner, said: Tensor, stream: torch.cuda.Stream | None,
        constraint: RateConstraint | None = None,
    ) -> None:  # fmt: skip
        """`said` (2,): takes this worker's loss and the gradient's norm. `constraint`: keeps the weights small."""
        self._objective, self._group, self._said, self._constraint = objective, group, said, constraint
        self.slots = planner.slots(str(group.xy_m.device), group.near.shape[1])
        self._slope = Replayed(self._once, stream)

    def slope(self, draft: Draft, relax: float) -> None:
        """Gradient, loss and norm of one batch; on a GPU they are under way when this returns."""
        self.slots.take(draft)
        self.slots.relax.fill_(relax)
        self._slope()

    def _once(self) -> None:
        for parameter in self._objective.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()
        if self._constraint is not None:
            self._constraint.hold()
        loss = self._objective(self._group, self.slots)
        loss.backward()
        if self._constraint is not None:
            self._constraint.release()
        with torch.no_grad():
            norms = torch._foreach_norm([p.grad for p in self._objective.parameters() if p.grad is not None])
            self._said.copy_(torch.stack([loss.detach(), torch.linalg.vector_norm(torch.stack(norms))]))


class Updater:
    """The step itself: clipped gradient, optimiser, rate constraint, slow mean of the weights."""

    def __init__(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, mean: list[Tensor], said: Tensor,
        stream: torch.cuda.Stream | None, constraint: RateConstraint | None = None,
    ) -> None:  # fmt: skip
        self._parameters = list(model.parameters())
        self._optimiser, self._mean, self._said, self._constraint = optimiser, mean, said, constraint
        self._update = Replayed(self._once, stream)

    def update(self, rate: float) -> None:
        """Learn from the gradient that the last slope left."""
        for parameters in self._optimiser.param_groups:
            if isinstance(parameters["lr"], Tensor):
                parameters["lr"].fill_(rate)
            else:
                parameters["lr"] = rate
        self._update()

    @torch.no_grad()
    def _once(self) -> None:
        scale = (CLIP / (self._said[1] + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_([p.grad for p in self._parameters if p.grad is not None], scale)
        self._optimiser.step()
        if self._constraint is not None:
            self._constraint.shrink(self._optimiser.param_groups[0]["lr"])
        torch._foreach_lerp_(self._mean, [p.detach() for p in self._parameters], 1.0 - KEPT)


def loss_and_norm(said: Tensor, crew: Crew) -> tuple[float, float]:
    """Of the whole batch, the same for every worker: the loss of each is that of its share, times their number."""
    loss = said[:1].clone()
    crew.total_(loss)
    loss_of_all, norm = crew.told([float(loss) / crew.size, float(said[1])])
    return loss_of_all, norm
