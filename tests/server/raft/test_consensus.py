"""Real nodes on loopback: threads, sockets and folders."""

import shutil
import socket
from pathlib import Path
from queue import Queue

import msgspec
import pytest

from stepraft.server.raft.consensus import Consensus
from stepraft.server.raft.contract import ProposalKind, ProposalResult, RoleKind, StartError
from stepraft.server.raft.proposals import REFUSED
from stepraft.server.raft.settings import MIB
from tests.server.raft.conftest import WAIT_S, Group
from tests.server.raft.machine import ListMachine


def test_three_nodes_elect_a_leader_and_apply_the_same_entries(group: Group) -> None:
    group.start()
    leader = group.leader()
    entries = [b"entry %d" % number for number in range(50)]

    results = [group.propose(leader, entry) for entry in entries]

    assert {result.kind for result in results} == {ProposalKind.APPLIED}
    assert [result.index for result in results] == sorted(result.index for result in results)
    group.await_entries(entries)
    assert group.barrier(leader)


def test_a_follower_refuses_proposals_and_barriers(group: Group) -> None:
    group.start()
    follower = next(node_id for node_id in group.members if node_id != group.leader())

    assert group.propose(follower, b"entry") == REFUSED
    assert group.barrier(follower) is False


def test_a_retiring_leader_hands_over_and_catches_up_when_it_returns(group: Group) -> None:
    group.start()
    first = group.leader()
    group.propose(first, b"one")
    group.stop(first)
    second = group.leader()
    # Handed over: nobody had to lose patience first, so one election was enough.
    assert group.nodes[second].status().term == 2
    group.propose(second, b"two")

    group.start(first)

    group.await_entries([b"one", b"two"])
    assert group.leader() == second


def test_a_follower_that_lost_its_folder_gets_everything_again(group: Group) -> None:
    group.start()
    leader = group.leader()
    group.propose(leader, b"one")
    group.await_entries([b"one"])
    follower = next(node_id for node_id in group.members if node_id != leader)
    group.stop(follower)
    shutil.rmtree(group.settings(follower).folder)

    group.start(follower)

    group.await_entries([b"one"])
    group.propose(group.leader(), b"two")
    group.await_entries([b"one", b"two"])


def test_without_a_majority_nothing_is_acknowledged(group: Group) -> None:
    group.start()
    leader = group.leader()
    for node_id in group.members:
        if node_id != leader:
            group.stop(node_id)

    assert group.propose(leader, b"entry").kind is not ProposalKind.APPLIED
    group.until(lambda: group.nodes[leader].status().role is not RoleKind.LEADER or None)
    assert group.barrier(leader) is False


def test_all_nodes_restart_with_what_they_had(group: Group) -> None:
    group.start()
    group.propose(group.leader(), b"one")
    group.close()
    group.start()

    group.propose(group.leader(), b"two")

    group.await_entries([b"one", b"two"])


def test_entries_larger_than_a_message_should_be_are_replicated(group: Group) -> None:
    group.start()
    large = bytes(range(256)) * (6 * MIB // 256)

    assert group.propose(group.leader(), large).kind is ProposalKind.APPLIED

    group.await_entries([large])


def test_a_node_alone_leads_itself(lone: Group) -> None:
    lone.start()

    assert lone.propose(lone.leader(), b"entry").kind is ProposalKind.APPLIED
    assert lone.barrier("n1")
    lone.stop("n1")
    lone.start()
    lone.leader()
    lone.await_entries([b"entry"])


def test_roles_are_reported_in_order(lone: Group) -> None:
    lone.start()
    lone.leader()

    kinds = [(role.kind, role.term, role.leader_id) for role in lone.roles["n1"]]
    assert kinds[-1] == (RoleKind.LEADER, 1, "n1")
    assert len(set(kinds)) == len(kinds)


def test_every_proposal_is_answered_when_the_node_stops(lone: Group) -> None:
    lone.start()
    lone.leader()
    node = lone.nodes["n1"]
    results: Queue[ProposalResult] = Queue()
    for number in range(500):
        node.propose(b"%d" % number, results.put)
    lone.stop("n1")
    node.propose(b"too late", results.put)

    answered = [results.get(timeout=WAIT_S) for _ in range(501)]

    assert results.empty()
    assert answered[-1] == REFUSED
    applied = sum(result.kind is ProposalKind.APPLIED for result in answered)
    assert applied == len(lone.entries("n1"))


@pytest.mark.parametrize("size", [0, 8 * MIB + 1])
def test_an_entry_of_a_wrong_size_is_an_error_of_the_caller(size: int, lone: Group) -> None:
    lone.start()

    with pytest.raises(ValueError, match=rf"entry: {size} bytes, must be 1 to {8 * MIB}"):
        lone.nodes["n1"].propose(bytes(size), lambda _: None)


def test_an_exception_of_the_machine_stops_the_node(lone: Group) -> None:
    lone.start()
    lone.leader()

    def poison(index: int, term: int, entry: bytes) -> None:
        raise RuntimeError("cannot apply")

    lone.machines["n1"].apply = poison  # type: ignore[method-assign]

    assert lone.propose("n1", b"entry").kind is ProposalKind.UNKNOWN
    assert lone.failures.get(timeout=WAIT_S) == "n1"
    assert lone.propose("n1", b"entry") == REFUSED


def test_an_error_of_the_disk_stops_the_node(lone: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    lone.start()
    lone.leader()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stepraft.server.raft.disk.os.pwrite", full)

    assert lone.propose("n1", b"entry").kind is not ProposalKind.APPLIED
    assert lone.failures.get(timeout=WAIT_S) == "n1"


def test_a_port_in_use_is_named(lone: Group) -> None:
    _, port = lone.members["n1"].split(":")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(port)))
        taken.listen()
        with pytest.raises(StartError, match=f"listen: 127.0.0.1:{port}: Address already in use"):
            lone.start()
    lone.start()


def test_a_store_ahead_of_its_journal_is_refused(lone: Group) -> None:
    machine = ListMachine()
    machine.apply(1, 0, b"")
    machine.apply(2, 1, b"from elsewhere")
    node = Consensus(lone.settings("n1"), machine, lambda _: None)

    with pytest.raises(StartError, match="the store has applied entry 2, the journal is empty"):
        node.start()


def test_a_lone_node_whose_log_does_not_reach_back_to_its_store_is_refused(lone: Group) -> None:
    settings = msgspec.structs.replace(
        lone.settings("n1"), segment_bytes=5000, keep_entries=0, fsync=False
    )
    machine = ListMachine()
    node = Consensus(settings, machine, lambda _: None)
    node.start()
    lone.nodes["n1"] = node
    lone.leader()
    for number in range(100):
        lone.propose("n1", b"%d" % number)
    lone.until(lambda: node.status().first_index > 1 or None)
    lone.stop("n1")

    with pytest.raises(StartError, match="no other member has a snapshot: restore a backup"):
        Consensus(settings, ListMachine(), lambda _: None).start()


def test_a_folder_in_use_is_refused(lone: Group) -> None:
    lone.start()

    with pytest.raises(StartError, match="another process uses this folder"):
        Consensus(lone.settings("n1"), ListMachine(), lambda _: None).start()


def test_names_are_resolved_when_they_are_dialled(tmp_path: Path) -> None:
    group = Group(tmp_path, 3)
    group.members = {n: a.replace("127.0.0.1", "localhost") for n, a in group.members.items()}
    group.settings = lambda node_id: msgspec.structs.replace(  # type: ignore[method-assign]
        Group.settings(group, node_id),
        listen=group.members[node_id].replace("localhost", "127.0.0.1"),
    )
    try:
        group.start()
        assert group.propose(group.leader(), b"entry").kind is ProposalKind.APPLIED
    finally:
        group.close()
