"""What is run: workflows of every kind of state, and how each execution has to end.

A request is a shape, a key, a variant (0, unless the same key is used for another input on purpose)
and the Unix time at which it was made; they determine the input, and the input determines the end.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any, Final

from msgspec import Struct

RESOURCE_PREFIX: Final = "chaos:"
BIG_BYTES: Final = 200_000
LONG_WORK_S: Final = 3.0
RETRY_INTERVAL_S: Final = 1
BROKEN: Final = "Chaos.Broken"
FLAKY: Final = "Chaos.Flaky"
CANCELED: Final = "CANCELED"

Document = dict[str, Any]


class End(Struct, frozen=True):
    """How an execution ends."""

    status: str
    output: Any = None
    error: str | None = None


class Shape(Struct, frozen=True):
    """A workflow: its definition, what its input is drawn from, and the end that follows from it.

    `weight`: how often it is started, as compared with the others.
    """

    definition: Document
    make_input: Callable[[Random, int], Document]
    end: Callable[[Document], End]
    weight: int


def request_input(shape: str, key: str, variant: int, base_ms: int) -> Document:
    """Return the input of a request."""
    random = Random(f"{shape} {key} {variant}")
    return {"key": key, **SHAPES[shape].make_input(random, base_ms)}


def digest(document: Document) -> str:
    """Return what tells one document from another, whatever the order of its keys."""
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def count(value: int) -> int:
    """What the workers do with a number."""
    return (value * 3 + 1) % 1_000_003


def text_digest(blob: str) -> str:
    """What the workers do with a long text."""
    return sha256(blob.encode()).hexdigest()


# The waits: when each may end, in Unix milliseconds


def due_ms(state_name: str, entered_ms: int, given: Document) -> int:
    """Return the earliest time at which a Wait state may end that was entered at `entered_ms`."""
    return WAITS[state_name](entered_ms, given)


WAITS: Final[Mapping[str, Callable[[int, Document], int]]] = {
    "Pause": lambda entered_ms, given: entered_ms + given["seconds"] * 1000,
    "Until": lambda entered_ms, given: max(entered_ms, parse_ms(given["until"])),
    "OneSecond": lambda entered_ms, _: entered_ms + 1000,
    "Hold": lambda entered_ms, _: entered_ms + 3_600_000,
}


def timestamp(unix_ms: int) -> str:
    """Return a time in the form of the language."""
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_ms(text: str) -> int:
    """Return the Unix milliseconds of a time in the form of the language."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


# Parts of definitions


def _task(name: str, resource: str, value: str = "$.value", **more: object) -> Document:
    """Return a Task state that keeps the value of the result, and not the worker's proof."""
    state = {
        "Type": "Task",
        "Resource": RESOURCE_PREFIX + resource,
        "Parameters": {"value.$": value, "failures.$": "$$.Execution.Input.failures"}
        if resource == "flaky"
        else {"value.$": value},
        "ResultSelector": {"value.$": "$.value"},
        **(more or {"End": True}),
    }
    return {name: state}


def _machine(start: str, *states: Document) -> Document:
    return {"StartAt": start, "States": {key: one for each in states for key, one in each.items()}}


def _map(name: str, item_task: str, **more: object) -> Document:
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"value.$": "$$.Map.Item.Value"},
        "ItemProcessor": _machine(item_task, _task(item_task, "count")),
        "End": True,
        **more,
    }
    return {name: state}


def _retry(*errors: str, attempts: int) -> list[Document]:
    return [
        {
            "ErrorEquals": list(errors),
            "IntervalSeconds": RETRY_INTERVAL_S,
            "BackoffRate": 1.0,
            "MaxAttempts": attempts,
        }
    ]


# Inputs


def _number(random: Random, base_ms: int) -> Document:
    return {"value": random.randrange(1_000_000)}


def _waits(random: Random, base_ms: int) -> Document:
    until_ms = base_ms + random.randrange(100, 5000)
    return {
        **_number(random, base_ms),
        "seconds": random.randint(1, 4),
        "until": timestamp(until_ms),
    }


def _items(random: Random, base_ms: int) -> Document:
    items = [random.randrange(1_000_000) for _ in range(random.randint(1, 12))]
    return {**_number(random, base_ms), "items": items}


def _failures(random: Random, base_ms: int) -> Document:
    return {**_number(random, base_ms), "failures": random.randint(0, 2)}


def _blob(random: Random, base_ms: int) -> Document:
    return {"blob": random.randbytes(BIG_BYTES // 2).hex()}


# Ends


def _counted(given: Document) -> Document:
    return {"value": count(given["value"])}


def _counted_items(given: Document) -> list[Document]:
    return [{"value": count(item)} for item in given["items"]]


SHAPES: Final[Mapping[str, Shape]] = {
    "pass": Shape(
        definition=_machine("Only", {"Only": {"Type": "Pass", "End": True}}),
        make_input=_number,
        end=lambda given: End("SUCCEEDED", given),
        weight=0,
    ),
    "line": Shape(
        definition=_machine(
            "First",
            _task("First", "count", Next="Between"),
            {"Between": {"Type": "Pass", "Next": "Second"}},
            _task("Second", "count"),
        ),
        make_input=_number,
        end=lambda given: End("SUCCEEDED", {"value": count(count(given["value"]))}),
        weight=6,
    ),
    "wait": Shape(
        definition=_machine(
            "Pause",
            {"Pause": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Until"}},
            {"Until": {"Type": "Wait", "TimestampPath": "$.until", "Next": "After"}},
            _task("After", "count"),
        ),
        make_input=_waits,
        end=lambda given: End("SUCCEEDED", _counted(given)),
        weight=4,
    ),
    "parallel": Shape(
        definition=_machine(
            "Fork",
            {
                "Fork": {
                    "Type": "Parallel",
                    "Branches": [
                        _machine("AtOnce", _task("AtOnce", "count")),
                        _machine(
                            "OneSecond",
                            {"OneSecond": {"Type": "Wait", "Seconds": 1, "Next": "Later"}},
                            _task("Later", "count"),
                        ),
                        _machine("Items", _map("Items", "Item")),
                    ],
                    "End": True,
                }
            },
        ),
        make_input=_items,
        end=lambda given: End(
            "SUCCEEDED", [_counted(given), _counted(given), _counted_items(given)]
        ),
        weight=2,
    ),
    "map": Shape(
        definition=_machine("Each", _map("Each", "One", MaxConcurrency=3)),
        make_input=_items,
        end=lambda given: End("SUCCEEDED", _counted_items(given)),
        weight=2,
    ),
    "retry": Shape(
        definition=_machine(
            "Try", _task("Try", "flaky", Retry=_retry(FLAKY, attempts=5), End=True)
        ),
        make_input=_failures,
        end=lambda given: End("SUCCEEDED", _counted(given)),
        weight=2,
    ),
    "caught": Shape(
        definition=_machine(
            "Fails",
            _task("Fails", "broken", Catch=[{"ErrorEquals": [BROKEN], "Next": "Caught"}], End=True),
            {"Caught": {"Type": "Pass", "OutputPath": "$.Error", "End": True}},
        ),
        make_input=_number,
        end=lambda given: End("SUCCEEDED", BROKEN),
        weight=1,
    ),
    "failed": Shape(
        definition=_machine("Fails", _task("Fails", "broken")),
        make_input=_number,
        end=lambda given: End("FAILED", error=BROKEN),
        weight=1,
    ),
    "beats": Shape(
        definition=_machine(
            "Long",
            _task(
                "Long",
                "long",
                HeartbeatSeconds=2,
                Retry=_retry("States.HeartbeatTimeout", "States.Timeout", attempts=100),
                End=True,
            ),
        ),
        make_input=_number,
        end=lambda given: End("SUCCEEDED", _counted(given)),
        weight=1,
    ),
    "big": Shape(
        definition=_machine("Digest", _task("Digest", "digest", "$.blob")),
        make_input=_blob,
        end=lambda given: End("SUCCEEDED", {"value": text_digest(given["blob"])}),
        weight=1,
    ),
    "held": Shape(
        definition=_machine("Hold", {"Hold": {"Type": "Wait", "Seconds": 3600, "End": True}}),
        make_input=_number,
        end=lambda given: End(CANCELED),
        weight=1,
    ),
}
"""The workflows by name. `pass` is what the probes of availability start; `held` is canceled."""
