"""What the tests of the language share: small machines, and what is wrong with them."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from stepraft.interpreter.documents import Json, dumps
from stepraft.interpreter.language.parse import diagnose

Problems: TypeAlias = list[tuple[str, str, str]]
"""(code, message, location) of every diagnostic."""


def problems_of(definition: Json) -> Problems:
    return [(found.code, found.message, found.location) for found in diagnose(dumps(definition))]


@pytest.fixture
def problems() -> Callable[[Json], Problems]:
    return problems_of


@pytest.fixture
def problems_of_state() -> Callable[[Json], Problems]:
    """Diagnose a machine whose only special state is S; Other is there to go to."""

    def diagnose_state(state: Json) -> Problems:
        leads_on: Json = {
            "Type": "Choice",
            "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "Other"}],
            "Default": "S",
        }
        machine: Json = {
            "StartAt": "First",
            "States": {"First": leads_on, "S": state, "Other": {"Type": "Succeed"}},
        }
        return problems_of(machine)

    return diagnose_state
