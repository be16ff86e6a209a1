"""Who is asked for what, and what is told: the pure supervisor."""

from __future__ import annotations

import pytest

from physical_ai_core import messages as m
from physical_ai_core.errors import ParameterError
from physical_ai_supervisor.core import Ask, Request, State, SupervisorCore
from physical_ai_supervisor.parameters import SupervisorParameters


class Bench:
    """Nodes played by hand: each has a lifecycle state and answers at once unless told otherwise."""

    def __init__(self, *nodes: str) -> None:
        self.core = SupervisorCore(SupervisorParameters(nodes=nodes))
        self.real = {name: State.UNCONFIGURED for name in self.core.wards}
        self.refuses: dict[str, Ask] = {}
        self.deaf: set[str] = set()
        self.dead: set[str] = set()
        self.log: list[tuple[str, str]] = []
        self.now = 100.0
        self.core.watch(self.now)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.now += 0.1
            self.core.watch(self.now)
            if round(self.now * 10) % 2 == 0:
                for name in self.real:
                    if name not in self.dead:
                        self.beat(name)
            for _ in range(4):
                for request in self.core.requests():
                    self.log.append((request.node, request.ask.value))
                    self.answer(request)

    def beat(self, name: str, cpu_s: float | None = None, message: str = "ok", level: int = 0) -> None:
        values = {
            "active": str(self.real[name] is State.ACTIVE).lower(),
            "cpu_s": str(cpu_s if cpu_s is not None else 0),
        }
        status = m.Status(level, name, message, values)
        self.core.handle("heartbeat", m.Diagnostics(self.now, (status,)), self.now)

    def answer(self, request: Request) -> None:
        name = request.node
        if name in self.deaf or name in self.dead:
            return
        if request.ask is Ask.GET_STATE:
            self.core.answered(request, self.real[name])
            return
        good = self.refuses.get(name) is not request.ask
        if good:
            self.real[name] = State.INACTIVE if request.ask is Ask.CONFIGURE else State.ACTIVE
        self.core.answered(request, None, success=good)

    def asked(self, kind: Ask) -> list[str]:
        return [node for node, ask in self.log if ask == kind.value]


def test_all_nodes_come_up_in_the_order_of_the_table() -> None:
    bench = Bench()
    bench.run(3.0)
    assert all(state is State.ACTIVE for state in bench.real.values())
    assert bench.asked(Ask.ACTIVATE) == [
        "telemetry",
        "safety_gate",
        "perception",
        "world_model",
        "controller",
        "planner",
    ]
    bench.log.clear()
    bench.run(5.0)
    assert bench.log == []


def test_a_restarted_node_is_brought_back_alone_and_at_its_first_heartbeat() -> None:
    bench = Bench("safety_gate", "perception", "controller")
    bench.run(3.0)
    bench.log.clear()
    bench.dead.add("perception")
    bench.run(1.0)
    bench.real["perception"] = State.UNCONFIGURED
    bench.dead.clear()
    bench.beat("perception")
    for _ in range(4):
        for request in bench.core.requests():
            bench.log.append((request.node, request.ask.value))
            bench.answer(request)
    assert bench.log == [("perception", "get_state"), ("perception", "configure"), ("perception", "activate")]
    assert bench.real["perception"] is State.ACTIVE and bench.core.wards["perception"].restarts == 1


def test_a_slow_heartbeat_is_a_warning_a_silent_node_an_error_and_neither_asks_anything_of_anyone() -> None:
    bench = Bench("safety_gate", "perception")
    bench.run(3.0)
    bench.log.clear()
    bench.dead.add("perception")
    bench.run(1.5)
    ward = bench.core.wards["perception"]
    assert bench.core.status(ward).level == 1 and "late" in bench.core.status(ward).message
    bench.run(2.0)
    assert bench.core.status(ward).level == 3
    statuses = [bench.core.status(w) for w in bench.core.wards.values()]
    assert bench.core.summary(statuses).message == "1 of 2 active; trouble: perception"
    assert bench.log == [] and bench.real["safety_gate"] is State.ACTIVE
    bench.dead.clear()
    bench.run(1.0)
    assert bench.core.status(ward).level == 0 and bench.asked(Ask.CONFIGURE) == []


def test_a_node_that_refuses_is_tried_again_slowly_with_its_reason_shown_and_holds_nobody_up() -> None:
    bench = Bench("safety_gate", "perception")
    bench.refuses["safety_gate"] = Ask.CONFIGURE
    bench.run(12.0)
    assert 2 <= bench.asked(Ask.CONFIGURE).count("safety_gate") <= 4
    assert bench.real["perception"] is State.ACTIVE
    bench.beat("safety_gate", message="The rules file is unreadable.", level=2)
    status = bench.core.status(bench.core.wards["safety_gate"])
    assert status.level == 2 and "rules file" in status.message and "refused" in status.message
    bench.refuses.clear()
    bench.run(6.0)
    assert bench.real["safety_gate"] is State.ACTIVE


def test_an_answer_that_never_comes_is_given_up_and_asked_again() -> None:
    bench = Bench("safety_gate")
    bench.deaf.add("safety_gate")
    bench.run(3.0)
    assert len(bench.asked(Ask.GET_STATE)) >= 3
    assert "no answer" in bench.core.status(bench.core.wards["safety_gate"]).message
    bench.deaf.clear()
    bench.run(3.0)
    assert bench.real["safety_gate"] is State.ACTIVE


def test_a_transition_lost_with_a_process_is_asked_again_when_the_new_one_beats() -> None:
    bench = Bench("safety_gate")
    core = bench.core
    bench.beat("safety_gate")
    (read,) = core.requests()
    core.answered(read, State.UNCONFIGURED)
    (configure,) = core.requests()
    assert configure.ask is Ask.CONFIGURE
    bench.run(2.0)
    assert bench.real["safety_gate"] is State.ACTIVE
    core.answered(configure, None, success=False)  # late: nobody listens to it
    assert core.wards["safety_gate"].state is State.ACTIVE


def test_an_operation_that_hangs_silently_is_given_up_after_its_time() -> None:
    core = SupervisorCore(SupervisorParameters(nodes=("planner",), configure_s=5.0))
    core.watch(1.0)
    core.handle("heartbeat", m.Diagnostics(1.0, (m.Status(0, "planner", "ok", {"active": "false"}),)), 1.0)
    core.answered(core.requests()[0], State.UNCONFIGURED)
    assert core.requests()[0].ask is Ask.CONFIGURE
    core.watch(4.0)
    assert core.requests() == [] and core.wards["planner"].pending is not None
    core.watch(7.0)
    assert core.requests() == [] and "no answer to configure" in core.wards["planner"].reason


def test_a_service_not_discovered_yet_is_tried_again_soon() -> None:
    bench = Bench("planner")
    bench.beat("planner")
    (request,) = bench.core.requests()
    bench.core.deferred(request)
    assert bench.core.requests() == []
    bench.now += 0.1
    bench.core.watch(bench.now)
    assert [r.ask for r in bench.core.requests()] == [Ask.GET_STATE]
    bench.core.deferred(request)  # an old one: nothing happens


def test_a_busy_node_is_only_watched_and_a_call_that_fails_is_retried() -> None:
    bench = Bench("planner")
    bench.beat("planner")
    (request,) = bench.core.requests()
    bench.core.answered(request, State.BUSY)
    assert bench.core.requests() == []
    bench.now += 0.2
    bench.core.watch(bench.now)
    (request,) = bench.core.requests()
    bench.core.answered(request, None, success=False)
    assert bench.core.wards["planner"].reason == "does not answer"


def test_diagnostics_come_once_a_second_with_load_and_a_summary() -> None:
    bench = Bench("safety_gate", "telemetry")
    core = bench.core
    assert core.status(core.wards["telemetry"]).message == "never heard"
    bench.run(3.0)
    bench.beat("safety_gate", cpu_s=0.0)
    bench.now += 1.0
    core.watch(bench.now)
    bench.beat("safety_gate", cpu_s=0.25)
    outs = core.tick(bench.now)
    assert [o.topic for o in outs] == ["/diagnostics"] and core.tick(bench.now + 0.1) == ()
    names = {status.name: status for status in outs[0].data.statuses}
    assert float(names["physical_ai/safety_gate"].values["cpu_percent"]) == pytest.approx(25.0, abs=10.0)
    assert names["physical_ai/stack"].message.startswith("active: all 2")
    assert core.health().message.startswith("active: all 2")
    bench.beat("telemetry", message="x")
    status = m.Status(0, "telemetry", "ok", {"active": "true", "cpu_s": "much"})
    core.handle("heartbeat", m.Diagnostics(0.0, (status, m.Status(0, "stranger", "ok", {}))), 0.0)
    assert core.handle("clock", None, 0.0) == ()


def test_an_unknown_node_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="moon"):
        SupervisorCore(SupervisorParameters(nodes=("moon",)))
