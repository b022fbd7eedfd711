"""The log of a single node: applied in order, refused once stopped."""

import pytest

from stepraft.server.raft.contract import ProposalKind, ProposalResult, Role, RoleKind
from stepraft.testing import LocalLog, VirtualLoop


class Recorder:
    """A machine that remembers what it applied."""

    def __init__(self, applied_index: int) -> None:
        self.applied_index = applied_index
        self.applied: list[tuple[int, int, bytes]] = []

    def apply(self, index: int, term: int, entry: bytes) -> None:
        self.applied_index = index
        self.applied.append((index, term, entry))


class Bench:
    """A log, and all that it says."""

    def __init__(self, applied_index: int = 0) -> None:
        self.loop = VirtualLoop()
        self.machine = Recorder(applied_index)
        self.roles: list[Role] = []
        self.results: list[tuple[bytes, ProposalResult]] = []
        self.log = self.loop.run_until_complete(self._make())

    async def _make(self) -> LocalLog:
        return LocalLog(self.machine, self.roles.append, "n1")

    def propose(self, entry: bytes) -> None:
        self.log.propose(entry, lambda result: self.results.append((entry, result)))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_it_leads_once_it_is_started(bench: Bench) -> None:
    bench.log.start()
    bench.loop.settle()

    assert bench.roles == [Role(kind=RoleKind.LEADER, term=1, leader_id="n1")]


def test_it_goes_on_behind_what_the_machine_has_applied() -> None:
    bench = Bench(applied_index=7)
    bench.log.start()
    bench.propose(b"a")
    bench.propose(b"b")
    bench.loop.settle()

    assert bench.machine.applied == [(8, 1, b"a"), (9, 1, b"b")]
    assert bench.results == [
        (b"a", ProposalResult(kind=ProposalKind.APPLIED, index=8)),
        (b"b", ProposalResult(kind=ProposalKind.APPLIED, index=9)),
    ]
    assert bench.log.status().applied_index == 9


def test_it_refuses_what_is_proposed_when_it_is_stopped(bench: Bench) -> None:
    bench.log.start()
    bench.log.stop()
    bench.propose(b"a")
    bench.loop.settle()

    assert bench.machine.applied == []
    assert bench.results == [(b"a", ProposalResult(kind=ProposalKind.REFUSED, index=0))]


def test_a_barrier_is_passed_behind_what_was_proposed(bench: Bench) -> None:
    bench.log.start()
    bench.propose(b"a")
    seen: list[tuple[bool, int]] = []
    bench.log.barrier(lambda led: seen.append((led, bench.machine.applied_index)))
    bench.loop.settle()

    assert seen == [(True, 1)]
