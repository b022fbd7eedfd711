"""The surroundings of expressions."""

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions.environment import STEPS_MAX, Environment


def test_the_context_object_is_made_once_and_only_when_it_is_read() -> None:
    made: list[Json] = []

    def context() -> Json:
        made.append(None)
        return {"n": len(made)}

    environment = Environment(context, {}, b"")

    assert made == []
    assert [environment.context, environment.context] == [{"n": 1}, {"n": 1}]


def test_equal_entropy_gives_equal_draws_and_each_draw_is_another() -> None:
    first, second = (Environment(dict, {}, b"seed") for _ in range(2))
    other = Environment(dict, {}, b"other")
    draws = [first.draw(), first.draw()]

    assert draws == [second.draw(), second.draw()]
    assert len({*draws, other.draw()}) == 3


def test_work_is_allowed_up_to_the_limit() -> None:
    environment = Environment(dict, {}, b"")
    environment.spend(STEPS_MAX - 3)
    environment.spend_on_all_of([{"a": 1}])

    with pytest.raises(LanguageError) as raised:
        environment.spend(1)

    assert (raised.value.name, raised.value.cause) == (
        "States.Runtime",
        "The expressions of the state take more than 500000 steps.",
    )
