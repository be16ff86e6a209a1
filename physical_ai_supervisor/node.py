"""Node `supervisor`: asks the lifecycle services of the others; every call asynchronous, none ever waited for."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Final

from lifecycle_msgs.msg import State as StateMessage
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState

from physical_ai_core.ros.node import CoreNode, Tick
from physical_ai_core.ros.spin import run_node
from physical_ai_supervisor.core import Ask, Request, State, SupervisorCore
from physical_ai_supervisor.parameters import SupervisorParameters

_STATES: Final = {
    StateMessage.PRIMARY_STATE_UNCONFIGURED: State.UNCONFIGURED,
    StateMessage.PRIMARY_STATE_INACTIVE: State.INACTIVE,
    StateMessage.PRIMARY_STATE_ACTIVE: State.ACTIVE,
    StateMessage.PRIMARY_STATE_FINALIZED: State.FINALIZED,
}
_TRANSITIONS: Final = {
    Ask.CONFIGURE: Transition.TRANSITION_CONFIGURE,
    Ask.ACTIVATE: Transition.TRANSITION_ACTIVATE,
}


class SupervisorNode(CoreNode[SupervisorParameters]):
    """Activates itself. Ticks by the steady clock; asks on, too, as soon as a heartbeat or an answer arrives."""

    TICK = Tick.ALWAYS
    core: SupervisorCore | None

    def build(self, parameters: SupervisorParameters) -> SupervisorCore:
        return SupervisorCore(parameters)

    def opened(self) -> None:
        self._clients_of: dict[tuple[str, Ask], Any] = {}
        self._calls: dict[str, tuple[Any, Any]] = {}  # node -> (client, future) under way
        if self.core is not None:
            for node in self.core.wards:  # made now, so that they are discovered when they are needed
                self._client(node, Ask.GET_STATE)
                self._client(node, Ask.CONFIGURE)

    def _client(self, node: str, ask: Ask) -> Any:
        kind, name = (GetState, "get_state") if ask is Ask.GET_STATE else (ChangeState, "change_state")
        key = (node, Ask.GET_STATE if ask is Ask.GET_STATE else Ask.CONFIGURE)
        if key not in self._clients_of:
            self._clients_of[key] = self.create_client(kind, f"{node}/{name}")
        return self._clients_of[key]

    def _tick(self) -> None:
        self._ask_on()
        super()._tick()
        stamp_s = self.now_s()
        if stamp_s <= 0.0 and self.core is not None:  # simulated clock not heard yet: diagnostics are due all the same
            self._run(partial(self.core.tick, stamp_s))

    def _hear(self, topic: Any, message: Any) -> None:
        if self.core is not None:
            self.core.watch(time.monotonic())
        super()._hear(topic, message)
        self._ask_on()

    def _ask_on(self) -> None:
        if self.core is None:
            return
        self.core.watch(time.monotonic())
        for request in self.core.requests():
            self._send(request)

    def _send(self, request: Request) -> None:
        if self.core is None:
            return
        client = self._client(request.node, request.ask)
        previous = self._calls.pop(request.node, None)
        if previous is not None and not previous[1].done():
            previous[0].remove_pending_request(previous[1])
        if request.ask is Ask.GET_STATE:
            question = GetState.Request()
        else:
            question = ChangeState.Request(transition=Transition(id=_TRANSITIONS[request.ask]))
        if not client.service_is_ready():
            self.core.deferred(request)
            return
        future = client.call_async(question)
        self._calls[request.node] = (client, future)
        future.add_done_callback(partial(self._answered, request))

    def _answered(self, request: Request, future: Any) -> None:
        if self.core is None or future.cancelled():
            return
        self.core.watch(time.monotonic())
        answer = None if future.exception() is not None else future.result()
        if answer is None:
            self.core.answered(request, None, success=False)
        elif request.ask is Ask.GET_STATE:
            self.core.answered(request, _STATES.get(answer.current_state.id, State.BUSY))
        else:
            self.core.answered(request, None, success=bool(answer.success))
            if answer.success:
                self.get_logger().info(f"{request.node}: {request.ask.value} done")
        self._ask_on()


def main() -> None:
    raise SystemExit(run_node(lambda: SupervisorNode("supervisor", SupervisorParameters)))


if __name__ == "__main__":
    main()
