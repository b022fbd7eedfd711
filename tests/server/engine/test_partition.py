"""A partition follows its node's role: an epoch begins when its first entry is applied, and ends at
any doubt.
"""

from collections.abc import Callable

import pytest

from stepraft.interpreter.commands import PutWorkflow
from stepraft.interpreter.errors import Reason, Rejection
from stepraft.interpreter.limits import Limits
from stepraft.server.engine.partition import Partition
from stepraft.server.engine.processor import Budget
from stepraft.server.faults import Faults
from stepraft.server.raft.contract import ProposalKind, ProposalResult, RaftStatus, Role, RoleKind
from stepraft.server.raft.membership import (
    Change,
    ChangeKind,
    ChangeResult,
    Member,
    Membership,
    Standing,
)
from stepraft.storage import entry
from stepraft.storage.machine import Machine
from stepraft.storage.memory import MemoryStore
from stepraft.testing import VirtualClock, VirtualLoop

Done = Callable[[ProposalResult], None]
LEADER = RoleKind.LEADER
FOLLOWER = RoleKind.FOLLOWER


class ManualLog:
    """A log whose proposals end as the test says."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.proposed: list[tuple[bytes, Done]] = []
        self.barriers: list[Callable[[bool], None]] = []
        self.transfers: list[str | None] = []
        self.voters = ["n1", "n2", "n3"]
        self.role = FOLLOWER

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def propose(self, data: bytes, done: Done) -> None:
        self.proposed.append((data, done))

    def barrier(self, done: Callable[[bool], None]) -> None:
        self.barriers.append(done)

    def change_membership(self, change: Change, done: Callable[[ChangeResult], None]) -> None:
        raise NotImplementedError

    def transfer_leadership(self, target: str | None, done: Callable[[ChangeResult], None]) -> None:
        self.transfers.append(target)
        done(ChangeResult(ChangeKind.DONE))

    def status(self) -> RaftStatus:
        members = {node_id: Member("", "", Standing.VOTER) for node_id in self.voters}
        return RaftStatus(
            node_id="n1",
            role=self.role,
            term=1,
            leader_id=None,
            commit_index=0,
            applied_index=0,
            first_index=1,
            last_index=0,
            peers=(),
            membership=Membership(members),
        )

    def apply(self, data: bytes) -> int:
        index = self.machine.applied_index + 1
        self.machine.apply(index, 1, data)
        return index

    def commit(self) -> None:
        data, done = self.proposed.pop(0)
        done(ProposalResult(kind=ProposalKind.APPLIED, index=self.apply(data)))

    def lose(self, kind: ProposalKind) -> None:
        _, done = self.proposed.pop(0)
        done(ProposalResult(kind=kind, index=0))


class Bench:
    """A partition over a manual log."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.store = MemoryStore()
        self.ended = 0
        self.log = ManualLog(Machine(self.store))
        self.partition = self.loop.run_until_complete(self._make())

    async def _make(self) -> Partition:
        partition = Partition(
            number=0,
            node_id="n1",
            store=self.store,
            machine=self.log.machine,
            clock=VirtualClock(self.loop),
            limits=Limits(),
            budget=Budget(),
            faults=Faults(),
            on_epoch_end=self._epoch_ended,
        )

        def join(on_role: Callable[[Role], None]) -> ManualLog:
            self.on_role = on_role
            return self.log

        partition.start(join)
        return partition

    def _epoch_ended(self) -> None:
        self.ended += 1

    def role(self, kind: RoleKind, term: int = 1) -> None:
        self.on_role(Role(kind=kind, term=term, leader_id="n1" if kind is LEADER else "n2"))
        self.loop.settle()

    def commit(self) -> None:
        self.log.commit()
        self.loop.settle()

    def lose(self, kind: ProposalKind = ProposalKind.UNKNOWN) -> None:
        self.log.lose(kind)
        self.loop.settle()

    def apply(self, data: bytes) -> None:
        """An entry that another node proposed."""
        self.log.apply(data)
        self.loop.settle()

    def lead(self) -> None:
        self.role(LEADER)
        self.commit()
        self.commit()  # the cluster's secret

    def put(self, name: str = "W") -> "Reply":
        return Reply(
            self,
            PutWorkflow(tenant="t", namespace="n", name=name, definition="{}", description=""),
        )


class Reply:
    """What a command is answered, once it is."""

    def __init__(self, bench: Bench, command: PutWorkflow) -> None:
        self._task = bench.loop.create_task(bench.partition.submit(command))
        bench.loop.settle()

    @property
    def text(self) -> str:
        if not self._task.done():
            return "waiting"
        error = self._task.exception()
        return str(error.reason) if isinstance(error, Rejection) else "done"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_follower_does_nothing(bench: Bench) -> None:
    bench.role(FOLLOWER)

    assert bench.put().text == Reason.NO_LEADER
    assert bench.log.proposed == []


def test_a_leader_serves_once_its_first_entry_is_applied(bench: Bench) -> None:
    bench.role(LEADER)
    early = bench.put()

    bench.commit()
    reply = bench.put()
    bench.commit()

    assert (early.text, reply.text) == (Reason.NO_LEADER, "waiting")
    assert bench.partition.epoch is not None
    assert bench.partition.epoch.number == 1


def test_a_lost_first_entry_is_proposed_again(bench: Bench) -> None:
    bench.role(LEADER)

    bench.lose()
    bench.loop.advance(1)
    bench.commit()

    assert bench.partition.is_serving


def test_a_first_entry_of_unknown_outcome_that_is_applied_begins_the_epoch(bench: Bench) -> None:
    bench.role(LEADER)
    late, _ = bench.log.proposed[0]
    bench.lose()

    bench.apply(late)
    bench.commit()  # the cluster's secret
    bench.loop.advance(1)

    assert (bench.partition.is_serving, bench.ended, bench.log.proposed) == (True, 0, [])


def test_an_old_first_entry_that_is_applied_late_begins_nothing(bench: Bench) -> None:
    bench.role(LEADER)
    late, _ = bench.log.proposed[0]
    bench.lose()
    bench.loop.advance(1)

    bench.apply(late)
    before = bench.partition.is_serving
    bench.commit()

    assert (before, bench.partition.is_serving) == (False, True)


def test_nothing_is_tried_again_by_who_leads_no_more(bench: Bench) -> None:
    bench.role(LEADER)
    bench.lose(ProposalKind.REFUSED)
    bench.role(FOLLOWER, term=2)

    bench.loop.advance(1)

    assert bench.log.proposed == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param(ProposalKind.REFUSED, Reason.NO_LEADER, id="refused: nothing was done"),
        pytest.param(ProposalKind.UNKNOWN, Reason.OUTCOME_UNKNOWN, id="unknown"),
    ],
)
def test_a_lost_proposal_ends_the_epoch_and_begins_another(
    kind: ProposalKind, reason: Reason, bench: Bench
) -> None:
    bench.lead()
    reply = bench.put()

    bench.lose(kind)
    between = (reply.text, bench.partition.is_serving, bench.ended)
    bench.commit()

    assert between == (reason, False, 1)
    assert bench.partition.is_serving


def test_a_lost_proposal_of_an_earlier_epoch_changes_nothing(bench: Bench) -> None:
    bench.lead()
    replies = [bench.put("V"), bench.put("W")]
    (_, first), (_, second) = bench.log.proposed
    bench.log.proposed.clear()
    first(ProposalResult(kind=ProposalKind.REFUSED, index=0))
    bench.loop.settle()
    bench.commit()

    second(ProposalResult(kind=ProposalKind.REFUSED, index=0))
    bench.loop.settle()

    assert [reply.text for reply in replies] == [Reason.NO_LEADER] * 2
    assert (bench.partition.is_serving, bench.ended) == (True, 1)


@pytest.mark.parametrize("kind", [FOLLOWER, RoleKind.CANDIDATE, LEADER])
def test_every_new_role_ends_the_epoch(kind: RoleKind, bench: Bench) -> None:
    bench.lead()
    reply = bench.put()

    bench.role(kind, term=2)

    assert (reply.text, bench.partition.is_serving) == (Reason.OUTCOME_UNKNOWN, False)


def test_an_epoch_of_another_node_ends_the_own_one(bench: Bench) -> None:
    bench.lead()
    record = entry.LeaderStarted(node_id="n2", term=2, nonce=b"another")

    bench.apply(entry.encode_leader_started(record, 1))

    assert not bench.partition.is_serving


def test_an_entry_of_rafts_own_changes_nothing(bench: Bench) -> None:
    bench.lead()
    reply = bench.put()

    bench.apply(b"")
    between = reply.text
    bench.commit()

    assert (between, reply.text) == ("waiting", "done")


def test_stamps_are_above_those_of_the_store(bench: Bench) -> None:
    record = entry.LeaderStarted(node_id="n2", term=1, nonce=b"another")
    future = bench.partition.clock.tick() + (3_600_000 << 16)

    bench.apply(entry.encode_leader_started(record, future))
    restarted = Bench.__new__(Bench)
    restarted.loop, restarted.store, restarted.ended = bench.loop, bench.store, 0
    restarted.log = ManualLog(Machine(bench.store))
    restarted.partition = bench.loop.run_until_complete(restarted._make())

    assert bench.partition.clock.tick() > future
    assert restarted.partition.clock.tick() > future


@pytest.mark.parametrize(
    ("role", "voters", "transfers"),
    [
        pytest.param(RoleKind.LEADER, ["n1", "n2", "n3"], [None], id="a leader"),
        pytest.param(RoleKind.FOLLOWER, ["n1", "n2", "n3"], [], id="a follower"),
        pytest.param(RoleKind.LEADER, ["n1"], [], id="nobody to hand over to"),
    ],
)
def test_who_leads_others_hands_over_before_it_stops(
    role: RoleKind, voters: list[str], transfers: list[str | None], bench: Bench
) -> None:
    bench.log.role, bench.log.voters = role, voters

    bench.loop.run_until_complete(bench.partition.hand_over())

    assert bench.log.transfers == transfers


@pytest.mark.parametrize("led", [True, False])
def test_a_barrier_is_passed_by_a_leader_alone(led: bool, bench: Bench) -> None:
    bench.lead()
    waiting = bench.loop.create_task(bench.partition.barrier())
    bench.loop.settle()

    bench.log.barriers.pop()(led)
    bench.loop.settle()

    error = waiting.exception()
    assert isinstance(error, Rejection) is not led


def test_a_snapshot_for_a_backup_is_of_the_moment_in_which_the_barrier_is_passed(
    bench: Bench,
) -> None:
    bench.lead()
    waiting = bench.loop.create_task(bench.partition.moment())
    bench.loop.settle()
    before = waiting.done()

    index = bench.log.apply(b"")
    bench.log.barriers.pop()(True)
    bench.loop.settle()

    assert (before, waiting.result().source.head.index) == (False, index)


def test_who_waits_for_a_change_is_woken(bench: Bench) -> None:
    waiting = bench.loop.create_task(bench.partition.wait_for_change(10))
    bench.loop.settle()
    before = waiting.done()

    bench.role(FOLLOWER)

    assert (before, waiting.done(), bench.partition.leader_id) == (False, True, "n2")


def test_who_waits_for_a_change_gives_up_in_time(bench: Bench) -> None:
    waiting = bench.loop.create_task(bench.partition.wait_for_change(10))

    bench.loop.advance(9.9)
    before = waiting.done()
    bench.loop.advance(0.2)

    assert (before, waiting.done()) == (False, True)


def test_who_watches_a_history_is_woken_when_it_grows(bench: Bench) -> None:
    grown = bench.partition.watchers.subscribe("/t/n/e0000000/0000000000000001")
    other = bench.partition.watchers.subscribe("/t/n/e0000000/0000000000000002")

    bench.partition.watchers.notify(["/t/n/e0000000/0000000000000001"])

    assert (grown.is_set(), other.is_set()) == (True, False)


# A state that is replaced


WORKFLOW = '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'


def test_what_was_drawn_from_a_state_that_is_replaced_is_void(bench: Bench) -> None:
    bench.lead()
    bench.partition.definitions.compile(("t", "n", "W", 1), WORKFLOW)
    woken = bench.partition.watchers.subscribe("an execution")
    bench.role(FOLLOWER)
    woken.clear()

    bench.log.machine.abandon()
    bench.loop.settle()

    assert woken.is_set()
    assert bench.partition.definitions.get(("t", "n", "W", 1)) is None
    assert not bench.partition.is_serving
