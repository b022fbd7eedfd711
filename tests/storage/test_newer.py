"""What a newer program wrote stops this one with a text that says so, and changes nothing."""

import msgspec
import pytest

from stepraft.interpreter.events import FeatureLevelRaised
from stepraft.interpreter.features import FIRST, SUPPORTED
from stepraft.storage.entry import (
    HEADER_BYTES,
    Group,
    LeaderStarted,
    encode_groups,
    encode_leader_started,
)
from stepraft.storage.machine import FatalApplyError, Machine
from stepraft.storage.memory import MemoryStore

_LEADER = encode_leader_started(LeaderStarted(node_id="one", term=1, nonce=b""), stamp=1)
_EMPTY = encode_groups(1, 1, 5, [])
_ADVICE = (
    f", which this program (feature level {SUPPORTED}) does not know: a newer one wrote it; use "
    "the version of the program that the other nodes run"
)


def raised_to(level: int) -> bytes:
    event = FeatureLevelRaised(level=level)
    return encode_groups(1, 1, 5, [Group(stamp=5, cause="", events=(event,), sequences=(0,))])


def of(*group: object) -> bytes:
    """An entry of one group that this program has no types for."""
    return _EMPTY[:HEADER_BYTES] + msgspec.msgpack.encode([group])


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        pytest.param(b"\x09" + bytes(24), f"is of kind 9{_ADVICE}", id="a kind of entry"),
        pytest.param(
            of(5, "PutTag", 0, [["TimerFired", "t"], ["TagPut", "a", {"b": 1}]], [0, 0], []),
            f"holds the event TagPut{_ADVICE}",
            id="an event",
        ),
        pytest.param(
            of(5, "PutTag", 0, [], [], [[6, ["FireTimer", "t"]], [7, ["PutTag", "a"]]]),
            f"holds the command PutTag{_ADVICE}",
            id="a command that is pending",
        ),
        pytest.param(
            raised_to(SUPPORTED + 1),
            f"raises the feature level to {SUPPORTED + 1}, and this program supports levels up to "
            f"{SUPPORTED}: use the version of the program that the other nodes run",
            id="the level that allows it",
        ),
    ],
)
def test_what_a_newer_program_wrote_is_named(entry: bytes, text: str) -> None:
    store = MemoryStore()
    machine = Machine(store)
    machine.apply(1, 1, _LEADER)
    before = list(store.scan(b""))

    with pytest.raises(FatalApplyError) as caught:
        machine.apply(2, 1, entry)

    assert str(caught.value) == f"entry 2 {text}"
    assert (list(store.scan(b"")), machine.feature_level) == (before, FIRST)


def test_a_damaged_entry_is_not_taken_for_a_newer_one() -> None:
    machine = Machine(MemoryStore())
    machine.apply(1, 1, _LEADER)

    with pytest.raises(FatalApplyError, match=r"^entry 2 cannot be applied: ValidationError"):
        machine.apply(2, 1, of(5, "FireTimer", 0, [["TimerFired", 17]], [0], []))


def test_the_level_is_what_the_log_says() -> None:
    machine = Machine(MemoryStore(), supported_level=3)
    machine.apply(1, 1, _LEADER)
    assert machine.feature_level == FIRST

    machine.apply(2, 1, raised_to(3))

    assert machine.feature_level == 3
