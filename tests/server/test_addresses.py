"""Where the nodes are: as the log says."""

from dataclasses import dataclass
from typing import Any

import pytest

from stepraft.server.addresses import Addresses
from stepraft.server.raft.membership import Member, Membership, Standing


@dataclass
class Log:
    """Stands for a partition: its log says who the members are."""

    membership: Membership

    def raft_status(self) -> "Log":
        return self


def log_of(**addresses: str) -> Any:
    return Log(Membership({each: Member("", at, Standing.VOTER) for each, at in addresses.items()}))


@pytest.fixture
def addresses() -> Addresses:
    return Addresses("n1", {"n1": "a:0", "n2": "b:1"})


def test_before_a_node_has_joined_its_configuration_counts(addresses: Addresses) -> None:
    assert dict(addresses) == {"n1": "a:0", "n2": "b:1"}


def test_from_then_on_the_log_counts(addresses: Addresses) -> None:
    log = log_of(n2="b:7", n3="c:1")
    addresses.follow(log)
    assert dict(addresses) == {"n2": "b:7", "n3": "c:1"}

    log.membership = Membership({})
    assert len(addresses) == 0


def test_port_0_of_its_own_address_stands_for_the_port_that_it_got(addresses: Addresses) -> None:
    addresses.note_port(7400)

    assert addresses["n1"] == "a:7400"


def test_port_0_of_another_node_is_left(addresses: Addresses) -> None:
    addresses.note_port(7400)
    addresses.follow(log_of(n2="b:0"))

    assert addresses["n2"] == "b:0"
