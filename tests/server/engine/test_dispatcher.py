"""Ready tasks come to waiting workers: in order, within their credits, and only when durable."""

import pytest

from stepraft.interpreter.decision import Delivery
from stepraft.interpreter.documents import Json
from stepraft.server.engine import dispatcher as dispatcher_module
from stepraft.server.engine.dispatcher import Session, queue_names
from stepraft.testing import InProcessEngine
from tests.interpreter.machines import map_, scope, task


class Worker:
    """A session, and what came to it."""

    def __init__(self, engine: InProcessEngine, *resources: str, credit: int) -> None:
        self.engine = engine
        self.inputs: list[bytes] = []
        self.deliveries: list[Delivery] = []
        self.revoked: list[str] = []
        self.session = Session(
            queues=queue_names("default", "default", resources),
            worker="w",
            lease_ms=60_000,
            credit=credit,
            deliver=self._deliver,
            revoke=self.revoked.append,
        )
        self.call(self._dispatcher.open, self.session)

    @property
    def _dispatcher(self) -> dispatcher_module.Dispatcher:
        return self.engine.partition.leading().dispatcher

    def _deliver(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self.inputs.append(delivery.input)

    def call(self, function: object, *arguments: object) -> None:
        self.engine.loop.call_soon(function, *arguments)  # type: ignore[arg-type]
        self.engine.run_until_idle()

    def more(self, count: int) -> None:
        self.call(self._dispatcher.add_credits, self.session, count)

    def close(self) -> None:
        self.call(self._dispatcher.close, self.session)


@pytest.fixture
def engine() -> InProcessEngine:
    engine = InProcessEngine()
    engine.put_workflow("A", scope(T=task("a")))
    engine.put_workflow("B", scope(T=task("b")))
    engine.put_workflow("Many", scope(M=map_(scope(T=task("a")))))
    return engine


def test_a_waiting_worker_gets_tasks_in_the_order_of_their_creation(
    engine: InProcessEngine,
) -> None:
    worker = Worker(engine, "a", credit=10)

    engine.start("Many", [1, 2, 3, 4])

    assert worker.inputs == [b"1", b"2", b"3", b"4"]


def test_a_worker_gets_no_more_than_its_credits(engine: InProcessEngine) -> None:
    engine.start("Many", [1, 2, 3, 4])
    worker = Worker(engine, "a", credit=1)

    got = [list(worker.inputs)]
    worker.more(2)
    got.append(list(worker.inputs))

    assert got == [[b"1"], [b"1", b"2", b"3"]]


def test_workers_take_turns(engine: InProcessEngine) -> None:
    first, second = Worker(engine, "a", credit=9), Worker(engine, "a", credit=9)

    engine.start("Many", [1, 2, 3, 4])

    assert (first.inputs, second.inputs) == ([b"1", b"3"], [b"2", b"4"])


def test_a_worker_of_two_resources_gets_both(engine: InProcessEngine) -> None:
    worker = Worker(engine, "a", "b", "a", credit=9)

    engine.start("A", 1)
    engine.start("B", 2)

    assert worker.inputs == [b"1", b"2"]


def test_what_a_closed_session_cannot_take_is_handed_back(engine: InProcessEngine) -> None:
    worker = Worker(engine, "a", credit=1)
    engine.start("A", 1)
    worker.close()
    engine.start("A", 2)
    assert worker.inputs == [b"1"]

    engine.loop.call_soon(_open_and_close, engine, worker)
    engine.run_until_idle()
    taken = engine.take("a")

    assert worker.inputs == [b"1"]
    assert taken is not None
    assert (taken.input, taken.attempt) == (2, 2)


def _open_and_close(engine: InProcessEngine, worker: Worker) -> None:
    """Leave while the hand-out is on its way."""
    dispatcher = engine.partition.leading().dispatcher
    worker.session.is_open = True
    worker.session.credits = 1
    dispatcher.open(worker.session)
    dispatcher.close(worker.session)


def test_a_task_that_went_away_costs_no_credit(engine: InProcessEngine) -> None:
    worker = Worker(engine, "a", credit=0)
    gone = engine.start("A", "gone")
    engine.start("A", "there")
    engine.cancel(gone)

    worker.more(1)

    assert worker.inputs == [b'"there"']


@pytest.mark.parametrize("count", [2, 3, 4, 10])
def test_tasks_beyond_those_in_memory_come_in_their_turn(
    count: int, engine: InProcessEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "_READY_MAX", 3)
    numbers: list[Json] = list(range(count))
    worker = Worker(engine, "a", credit=0)
    engine.start("Many", numbers)

    for _ in numbers:
        worker.more(1)

    assert worker.inputs == [str(number).encode() for number in numbers]


def test_a_worker_hears_that_its_task_was_taken_away(engine: InProcessEngine) -> None:
    worker = Worker(engine, "a", credit=2)
    canceled = engine.start("A")
    engine.start("A")

    engine.cancel(canceled)

    assert worker.revoked == [worker.deliveries[0].task_id]


def test_nothing_is_delivered_before_it_is_durable(engine: InProcessEngine) -> None:
    worker = Worker(engine, "a", credit=1)
    deliver, seen = worker.session.deliver, []

    def deliver_and_look(delivery: Delivery) -> None:
        stored = [key for key, _ in engine.store.scan(b"r")]
        seen.append((delivery.delivery, stored))
        deliver(delivery)

    worker.session.deliver = deliver_and_look
    engine.start("A")

    assert seen == [(1, [])]
