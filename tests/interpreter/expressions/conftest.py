"""What the tests of expressions share: surroundings with a context object and variables."""

from collections.abc import Callable

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.expressions.environment import Environment


@pytest.fixture
def environment() -> Environment:
    context: Json = {"Execution": {"Name": "run-1"}, "Map": {"Item": {"Index": 2, "Value": "v"}}}
    return Environment(lambda: context, {"user": {"name": "Ann"}, "limit": 3}, b"seed")


@pytest.fixture
def make_environment() -> Callable[[bytes], Environment]:
    return lambda entropy: Environment(dict, {}, entropy)
