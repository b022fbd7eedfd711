"""Values of fields with JSONata in them: a string `{% … %}` anywhere in one is an expression.

What an expression sees is `$states`, the variables in scope and its own; it has no input of its
own, so that a name without `$` means nothing.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from stepraft.interpreter.documents import DEPTH_MAX, Json, require_bounded, shown, type_name
from stepraft.interpreter.errors import QueryError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.expression import Expression, compile_expression
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Function,
    has_function,
    plain,
)

OPENING: Final = "{%"
CLOSING: Final = "%}"
STATES: Final = "states"

Report: TypeAlias = Callable[[tuple[str, ...], str], None]
"""Takes what is wrong with a field: the place in it and a text."""

Part: TypeAlias = Callable[["Inputs", Environment, Run], Json]


class Inputs:
    """What `$states` holds besides the context: the state's input, and in some fields its result or
    the error that was caught.
    """

    __slots__ = ("_values",)

    def __init__(self, input_: Json, **others: Json) -> None:
        """`others`: `result` or `errorOutput`."""
        self._values: dict[str, Json] = {"input": input_, **others}

    def states(self, environment: Environment, *, needs_context: bool) -> dict[str, Json]:
        """Return `$states`."""
        if needs_context:
            return {**self._values, "context": environment.context}
        return self._values


class Query:
    """A compiled field. `expressions` are all in it, without their marks."""

    __slots__ = ("_evaluate", "expressions")

    def __init__(self, expressions: tuple[Expression, ...], evaluate: Part) -> None:
        self.expressions = expressions
        self._evaluate = evaluate

    def evaluate(self, inputs: Inputs, environment: Environment) -> Json:
        """Return the field's value. Errors: QueryError."""
        value = self._evaluate(inputs, environment, Run(environment))
        require_bounded(value)
        return value


def is_expression(value: Json) -> bool:
    """Whether a value of a field is an expression."""
    return isinstance(value, str) and value.startswith(OPENING) and value.endswith(CLOSING)


def compile_query(value: Json, field: str, report: Report) -> Query:
    """Return the compiled field; each wrong expression is reported and left out."""
    compiler = _Compiler(report)
    part = compiler.compile(value, field, ())
    return Query(tuple(compiler.expressions), part)


class _Compiler:
    def __init__(self, report: Report) -> None:
        self.expressions: list[Expression] = []
        self._report = report

    def compile(self, value: Json, location: str, where: tuple[str, ...]) -> Part:
        """Return what evaluates a part; `location` names it as errors do."""
        if isinstance(value, dict):
            return self._object(value, location, where)
        if isinstance(value, list):
            return self._array(value, location, where)
        if is_expression(value):
            assert isinstance(value, str), "only strings are expressions"
            return self._expression(value, location, where)
        if isinstance(value, str) and value.startswith(OPENING):
            self._report(where, f"An expression that begins with {OPENING} must end with {CLOSING}")
        return lambda inputs, environment, run: value

    def _object(self, value: dict[str, Json], location: str, where: tuple[str, ...]) -> Part:
        parts = {
            name: self.compile(item, f"{location}/{name}", (*where, name))
            for name, item in value.items()
        }
        return lambda inputs, environment, run: {
            name: part(inputs, environment, run) for name, part in parts.items()
        }

    def _array(self, value: list[Json], location: str, where: tuple[str, ...]) -> Part:
        parts = [
            self.compile(item, f"{location}[{place}]", (*where, str(place)))
            for place, item in enumerate(value)
        ]
        return lambda inputs, environment, run: [part(inputs, environment, run) for part in parts]

    def _expression(self, value: str, location: str, where: tuple[str, ...]) -> Part:
        text = value.removeprefix(OPENING).removesuffix(CLOSING).strip()
        try:
            expression = compile_expression(text)
        except JsonataError as error:
            self._report(where, f"The JSONata expression '{text}' is not valid: {error}")
            return lambda inputs, environment, run: None
        self.expressions.append(expression)
        return _evaluation(expression, location)


def _evaluation(expression: Expression, location: str) -> Part:
    needs_states = STATES in expression.variables
    needs_context = needs_states and "context" in expression.text
    names = expression.variables - {STATES}

    def evaluate(inputs: Inputs, environment: Environment, run: Run) -> Json:
        known = environment.variables if names else {}
        variables: dict[str, Any] = {name: known[name] for name in names if name in known}
        if needs_states:
            variables[STATES] = inputs.states(environment, needs_context=needs_context)
        try:
            value = expression.evaluate(UNDEFINED, variables, run)
        except JsonataError as error:
            raise _failed(
                expression, location, f"threw an error during evaluation. {error}"
            ) from None
        return _document(value, expression, location)

    return evaluate


def _document(value: Any, expression: Expression, location: str) -> Json:
    """Return a result as a document. Errors: QueryError for one that JSON cannot say."""
    if value is UNDEFINED:
        raise _failed(expression, location, "returned nothing (undefined).")
    if isinstance(value, Function) or _is_beyond_json(value, 0) or has_function(value):
        raise _failed(expression, location, "returned an unsupported result type.")
    document: Json = plain(value)
    return document


def _is_beyond_json(value: Any, depth: int) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if depth > DEPTH_MAX:
        return True
    if isinstance(value, dict):
        return any(_is_beyond_json(item, depth + 1) for item in value.values())
    return isinstance(value, list) and any(_is_beyond_json(item, depth + 1) for item in value)


def _failed(expression: Expression, location: str, what: str) -> QueryError:
    return QueryError(
        f"The JSONata expression '{expression.text}' specified for the field '{location}' {what}",
        location,
    )


def wrong_type(query: Query, field: str, expected: str, value: Json) -> QueryError:
    """Return the error of a field whose value is of the wrong type."""
    text = query.expressions[0].text if query.expressions else shown(value)
    return QueryError(
        f"The JSONata expression '{text}' specified for the field '{field}' returned an unexpected "
        f"result type. Expected '{expected}', but was '{type_name(value)}' for value: "
        f"{shown(value)}",
        field,
    )
