"""The faults: what each does to its targets, and how it is undone. And their schedule, from a seed.

A fault begins every 5 to 15 seconds and lasts 3 to 8. It aims at the leader, a follower, any node,
two nodes (so that there is no majority), or all.
"""

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from random import Random
from typing import Final

from msgspec import Struct

from tests.chaos import operations
from tests.chaos.clusters import CLIENTS, LoopbackCluster, NamespaceCluster, others

FIRST_AT_S: Final = 5.0
EVERY_S: Final = (5.0, 15.0)
LASTS_S: Final = (3.0, 8.0)
PAUSE_BETWEEN_S: Final = 2.0
_STUTTER_S: Final = (0.05, 0.5)
_SLOW_SYNC_S: Final = 0.25
_CLOCK_S: Final = (-7200.0, 7200.0)
_BETWEEN_TRANSFERS_S: Final = 0.7
_REMOVED_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.05
_WRONG_STATE: Final = " of this node (is wrong|and of)"
_REMOVED: Final = "stops: .*removed"

Targets = Sequence[str]
Pairs = Iterable[tuple[str, str]]
"""Who sends to whom what is lost."""


class Kind(Struct, frozen=True):
    """What a fault does. `inflict` works for `lasts_s` seconds and returns when it is undone;
    `aims`: at whom. `ends_processes`: it ends its targets' processes, and starts them again.
    `alarm`: what the nodes' logs have to complain of, a regular expression; empty is nothing.
    """

    inflict: Callable[[LoopbackCluster, Targets, float], None]
    aims: tuple[str, ...]
    needs_hosts: bool = False
    ends_processes: bool = False
    alarm: str = ""


class Planned(Struct, frozen=True):
    """A fault to come; `at_s` counts from the start of the load, `draw` picks among equals."""

    kind: str
    aim: str
    at_s: float
    lasts_s: float
    draw: int


def schedule(seconds: float, seed: int, kinds: Sequence[str]) -> Iterator[Planned]:
    """Return the faults of a run, which all are undone before its load ends.

    Every kind comes before one comes again.
    """
    random = Random(seed)
    bag: list[str] = []
    at_s = FIRST_AT_S
    while True:
        bag = bag or random.sample(list(kinds), len(kinds))
        kind = bag.pop()
        lasts_s = random.uniform(*LASTS_S)
        if at_s + lasts_s > seconds:
            return
        aim = random.choice(KINDS[kind].aims)
        yield Planned(kind, aim, at_s, lasts_s, random.randrange(1 << 30))
        at_s += max(random.uniform(*EVERY_S), lasts_s + PAUSE_BETWEEN_S)


def targets(aim: str, draw: int, node_ids: Sequence[str], leader: str) -> list[str]:
    """Return the nodes that a fault hits."""
    shuffled = Random(draw).sample(list(node_ids), len(node_ids))
    followers = [node_id for node_id in shuffled if node_id != leader]
    match aim:
        case "leader":
            return [leader]
        case "follower":
            return followers[:1]
        case "random":
            return shuffled[:1]
        case "majority":
            return sorted(shuffled[:2])
        case _:
            return sorted(shuffled)


# What is done


def _kill(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    for node_id in hit:
        cluster.kill(node_id)
    time.sleep(lasts_s)
    cluster.start(*hit)


def _kill_and_start(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Kill, and start again at once: the others may not have noticed."""
    _kill(cluster, hit, 0.0)


def _terminate(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    for node_id in hit:
        try:
            cluster.terminate(node_id)
        except subprocess.TimeoutExpired:
            cluster.kill(node_id)
            raise
    time.sleep(lasts_s)
    cluster.start(*hit)


def _pause(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    for node_id in hit:
        cluster.pause(node_id)
    time.sleep(lasts_s)
    for node_id in hit:
        cluster.resume(node_id)


def _stutter(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Freeze and unfreeze, some tenths of a second each, as a machine does that has no memory."""
    random = Random(repr((hit, lasts_s)))
    until_s = time.monotonic() + lasts_s
    while time.monotonic() < until_s:
        _pause(cluster, hit, random.uniform(*_STUTTER_S))
        time.sleep(random.uniform(*_STUTTER_S))


def _isolate(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Cut nodes off from the others; clients reach them still."""
    _cut(cluster, (pair for one in hit for pair in _between(one, others(cluster, one))), lasts_s)


def _isolate_wholly(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Cut nodes off from the others and the clients."""
    for_clients = (pair for one in hit for pair in _between(one, [CLIENTS]))
    for_others = (pair for one in hit for pair in _between(one, others(cluster, one)))
    _cut(cluster, chain(for_clients, for_others), lasts_s)


def _deafen(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Lose what the others send to a node, and not what it sends."""
    _cut(cluster, ((other, one) for one in hit for other in others(cluster, one)), lasts_s)


def _mute(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Lose what a node sends to the others, and not what they send."""
    _cut(cluster, ((one, other) for one in hit for other in others(cluster, one)), lasts_s)


def _split_pair(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Part a node from one of the others; the third one is connected with both."""
    _cut(cluster, _between(hit[0], others(cluster, hit[0])[:1]), lasts_s)


def _cut(cluster: LoopbackCluster, pairs: Pairs, lasts_s: float) -> None:
    assert isinstance(cluster, NamespaceCluster), "the network of loopback cannot be cut"
    for sender, receiver in pairs:
        cluster.cut(sender, receiver)
    time.sleep(lasts_s)
    cluster.heal()


def _between(one: str, places: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return both directions between a node and some places."""
    for place in places:
        yield one, place
        yield place, one


def _slow_disk(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Make each fsync take a quarter of a second longer."""
    for node_id in hit:
        cluster.worsen(node_id, sync_s=_SLOW_SYNC_S)
    time.sleep(lasts_s)
    for node_id in hit:
        cluster.worsen(node_id)


def _turn_clock(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Set the wall clock ahead or back by up to two hours, and right again."""
    random = Random(repr((hit, lasts_s)))
    for node_id in hit:
        cluster.worsen(node_id, clock_s=random.uniform(*_CLOCK_S))
    time.sleep(lasts_s)
    for node_id in hit:
        cluster.worsen(node_id)


def _cut_power(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    for node_id in hit:
        cluster.cut_power(node_id, round(lasts_s * 1e6))
    time.sleep(lasts_s)
    cluster.start(*hit)


def _lose_folder(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Lose all that a node had; it comes back under its name with an empty folder."""
    for node_id in hit:
        cluster.kill(node_id)
        cluster.lose_folder(node_id)
    cluster.start(*hit)
    time.sleep(lasts_s)


def _spoil_store(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Change the store of a node while it is down."""
    for node_id in hit:
        cluster.terminate(node_id)
        cluster.spoil_store(node_id)
    cluster.start(*hit)
    for node_id in hit:
        operations.wait_until_it_follows(cluster, node_id)
    time.sleep(lasts_s)


def _transfer(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Have the leader hand over, again and again."""
    until_s = time.monotonic() + lasts_s
    while time.monotonic() < until_s:
        operations.transfer(cluster)
        time.sleep(_BETWEEN_TRANSFERS_S)


def _replace(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Remove a node from the cluster, and add it anew with an empty folder."""
    for node_id in hit:
        operations.remove(cluster, node_id)
        _wait_for_end(cluster, node_id)
        cluster.kill(node_id)
        cluster.lose_folder(node_id)
        operations.add(cluster, node_id)
        cluster.start(node_id)
        operations.wait_for_vote(cluster, node_id)


def _wait_for_end(cluster: LoopbackCluster, node_id: str) -> None:
    """Wait until a node has stopped by itself; one that does not gives no alarm, either."""
    until_s = time.monotonic() + _REMOVED_WITHIN_S
    while cluster.return_code(node_id) is None and time.monotonic() < until_s:
        time.sleep(_LOOK_EVERY_S)


def _fill_disk(cluster: LoopbackCluster, hit: Targets, lasts_s: float) -> None:
    """Leave not a byte, for everybody else as for the node."""
    assert isinstance(cluster, NamespaceCluster), "only a disk of our own may be filled"
    for node_id in hit:
        cluster.fill_disk(node_id)
    time.sleep(lasts_s)
    for node_id in hit:
        cluster.empty_disk(node_id)


_ONE: Final = ("leader", "leader", "follower")

KINDS: Final[Mapping[str, Kind]] = {
    "kill": Kind(_kill, _ONE, ends_processes=True),
    "kill-start": Kind(_kill_and_start, _ONE, ends_processes=True),
    "kill-more": Kind(_kill, ("majority", "all"), ends_processes=True),
    "kill-start-all": Kind(_kill_and_start, ("all",), ends_processes=True),
    "terminate": Kind(_terminate, _ONE, ends_processes=True),
    "pause": Kind(_pause, _ONE),
    "pause-more": Kind(_pause, ("majority", "all")),
    "stutter": Kind(_stutter, (*_ONE, "all")),
    "isolate": Kind(_isolate, (*_ONE, "all"), needs_hosts=True),
    "isolate-wholly": Kind(_isolate_wholly, _ONE, needs_hosts=True),
    "deafen": Kind(_deafen, _ONE, needs_hosts=True),
    "mute": Kind(_mute, _ONE, needs_hosts=True),
    "split-pair": Kind(_split_pair, ("leader", "random"), needs_hosts=True),
    "full-disk": Kind(_fill_disk, (*_ONE, "all"), needs_hosts=True),
    "slow-disk": Kind(_slow_disk, (*_ONE, "all")),
    "clock-jump": Kind(_turn_clock, (*_ONE, "all")),
    "power-cut": Kind(_cut_power, (*_ONE, "all"), ends_processes=True),
    "lost-folder": Kind(_lose_folder, _ONE, ends_processes=True),
    "spoiled-store": Kind(_spoil_store, _ONE, ends_processes=True, alarm=_WRONG_STATE),
    "transfer": Kind(_transfer, ("leader",)),
    "replace": Kind(_replace, _ONE, ends_processes=True, alarm=_REMOVED),
}
"""The faults by name."""


def kinds_for(*, has_hosts: bool) -> list[str]:
    """Return the faults that can be made here."""
    return [name for name, kind in KINDS.items() if has_hosts or not kind.needs_hosts]
