"""Which errors a Retrier or Catcher answers."""

import pytest

from stepraft.interpreter import errors
from stepraft.interpreter.errors import LanguageError, Reason, Rejection, matches


@pytest.mark.parametrize(
    ("error_equals", "error_name", "expected"),
    [
        pytest.param(["Oops"], "Oops", True, id="own name"),
        pytest.param(["Oops"], "oops", False, id="names are case-sensitive"),
        pytest.param(["A", "B"], "B", True, id="second of two names"),
        pytest.param([], "A", False, id="no name"),
        pytest.param(["States.ALL"], "Oops", True, id="ALL takes any name"),
        pytest.param(["States.ALL"], "States.Timeout", True, id="ALL takes timeouts"),
        pytest.param(["States.ALL"], "States.Runtime", False, id="ALL leaves Runtime"),
        pytest.param(
            ["States.ALL"], "States.DataLimitExceeded", False, id="ALL leaves DataLimitExceeded"
        ),
        pytest.param(["States.Runtime"], "States.Runtime", True, id="Runtime by its own name"),
        pytest.param(["States.TaskFailed"], "Oops", True, id="TaskFailed takes any name"),
        pytest.param(["States.TaskFailed"], "States.Timeout", False, id="TaskFailed, Timeout"),
        pytest.param(
            ["States.TaskFailed"], "States.HeartbeatTimeout", False, id="TaskFailed, heartbeat"
        ),
        pytest.param(["States.TaskFailed"], "States.Runtime", False, id="TaskFailed, Runtime"),
        pytest.param(["States.Timeout"], "States.HeartbeatTimeout", True, id="Timeout, heartbeat"),
        pytest.param(["States.HeartbeatTimeout"], "States.Timeout", False, id="heartbeat, Timeout"),
    ],
)
def test_an_error_is_answered_by_its_name_or_a_wildcard(
    error_equals: list[str], error_name: str, expected: bool
) -> None:
    assert matches(error_equals, error_name) is expected


@pytest.mark.parametrize(
    ("error_equals", "expected"),
    [
        pytest.param(["States.ALL"], True, id="the further name"),
        pytest.param(["States.DataLimitExceeded"], True, id="its own name"),
        pytest.param(["States.TaskFailed"], False, id="another name"),
    ],
)
def test_where_an_error_came_from_may_add_a_name_that_answers_it(
    error_equals: list[str], expected: bool
) -> None:
    assert matches(error_equals, "States.DataLimitExceeded", ("States.ALL",)) is expected


def test_every_predefined_error_begins_with_states() -> None:
    assert [name for name in errors.PREDEFINED_ERRORS if not name.startswith("States.")] == []
    assert sorted(set(errors.PREDEFINED_ERRORS)) == sorted(errors.PREDEFINED_ERRORS)


def test_an_error_of_the_workflow_says_its_name_and_cause() -> None:
    assert str(LanguageError("Oops", "no more tea")) == "Oops: no more tea"
    assert str(LanguageError("States.Timeout", None)) == "States.Timeout"


def test_a_rejection_says_reason_and_text() -> None:
    rejection = Rejection(Reason.INVALID_NAME, "the name is empty", "name")

    assert str(rejection) == "INVALID_NAME: the name is empty"
    assert (rejection.field, rejection.violations) == ("name", ())


def test_every_reason_is_spelled_as_it_is_named() -> None:
    assert [reason for reason in Reason if reason.value != reason.name] == []
