"""Payload templates and the expressions in them.

A field whose name ends in `.$` holds an expression, a path or an intrinsic call; its value takes
the field's place under the name without `.$`. All else in a template is copied as it is.

Source: https://states-language.net/spec.html#payload-template
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from stepraft.interpreter.documents import Json, require_bounded, shown
from stepraft.interpreter.errors import INTRINSIC_FAILURE, RUNTIME, LanguageError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.intrinsic_syntax import (
    Argument,
    Call,
    Text,
    Value,
    parse_call,
    unescape_text,
)
from stepraft.interpreter.expressions.intrinsics import INTRINSICS, Intrinsic, IntrinsicError
from stepraft.interpreter.expressions.path_search import PathMissError
from stepraft.interpreter.expressions.paths import Path, compile_path
from stepraft.interpreter.expressions.scanner import ExpressionSyntaxError

EXPRESSION_SUFFIX: Final = ".$"

REFERENCES_FREE: Final = 16
"""Expressions of a template whose values together can be no bomb if each of them is none."""

INVALID_EXPRESSION: Final = (
    "The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"
)

Evaluation: TypeAlias = Callable[[Json, Environment], Json]

Where: TypeAlias = tuple[str, ...]
"""The keys and indexes that lead to a place inside a template."""

Report: TypeAlias = Callable[[Where, str], None]
"""Takes what is wrong with a definition: the place in the template and a text."""


class Expression:
    """A compiled path or intrinsic call. `paths` are the paths that it reads."""

    __slots__ = ("_evaluate", "paths", "text")

    def __init__(self, text: str, paths: tuple[Path, ...], evaluate: Evaluation) -> None:
        self.text = text
        self.paths = paths
        self._evaluate = evaluate

    def evaluate(self, document: Json, environment: Environment, field: str) -> Json:
        """Return the value for the field of that name (`.$` included; errors name it).

        Raises LanguageError: States.Runtime where a path leads nowhere, States.IntrinsicFailure
        where a function refuses its arguments.
        """
        try:
            return self._evaluate(document, environment)
        except _ArgumentMissError as miss:
            raise LanguageError(
                RUNTIME, f"The function '{self.text}' had the following error: {miss}"
            ) from None
        except PathMissError:
            raise LanguageError(
                RUNTIME,
                f"The JSONPath '{self.text}' specified for the field '{field}' could not be found"
                f" in the input '{shown(document)}'",
            ) from None


def compile_expression(text: str) -> Expression:
    """Return the compiled path or call. Raises ExpressionSyntaxError."""
    if text.startswith("$"):
        path = compile_path(text)
        return Expression(text, (path,), path.read)
    call = parse_call(text)
    return Expression(text, tuple(_paths_of(call)), _call(call))


class Template:
    """A compiled payload template. `expressions` are all of its expressions."""

    __slots__ = ("_evaluate", "_is_modest", "expressions")

    def __init__(self, expressions: tuple[Expression, ...], evaluate: Evaluation) -> None:
        self.expressions = expressions
        self._evaluate = evaluate
        self._is_modest = sum(len(part.paths) for part in expressions) <= REFERENCES_FREE and all(
            path.steps is not None for part in expressions for path in part.paths
        )

    def evaluate(self, document: Json, environment: Environment) -> Json:
        """Return the template with every expression replaced by its value.

        Raises LanguageError as `Expression.evaluate` does, and States.DataLimitExceeded for a value
        that is enormous as text.
        """
        value = self._evaluate(document, environment)
        if not self._is_modest:
            require_bounded(value)
        return value


def compile_template(value: Json, report: Report) -> Template:
    """Return the compiled template.

    Each wrong field is reported and left out: what follows from a template with reports is of no
    use but for finding more that is wrong.
    """
    compiler = _Compiler(report)
    part = compiler.compile(value, ())
    if isinstance(part, _Constant):
        return Template((), lambda document, environment: part.value)
    return Template(tuple(compiler.expressions), part)


class _Constant:
    """A part of a template without expressions."""

    __slots__ = ("value",)

    def __init__(self, value: Json) -> None:
        self.value = value


class _Compiler:
    def __init__(self, report: Report) -> None:
        self.expressions: list[Expression] = []
        self._report = report

    def compile(self, value: Json, where: Where) -> "Evaluation | _Constant":
        if isinstance(value, dict):
            return self._object(value, where)
        if isinstance(value, list):
            return self._array(value, where)
        return _Constant(value)

    def _object(self, members: dict[str, Json], where: Where) -> "Evaluation | _Constant":
        # The skeleton keeps the order of the fields; evaluated ones overwrite their null.
        skeleton: dict[str, Json] = {}
        evaluated: list[tuple[str, Evaluation]] = []
        for field, value in members.items():
            part = self._field(field, value, where)
            name = field.removesuffix(EXPRESSION_SUFFIX)
            if name in skeleton:
                self._report(where, f"The field '{name}' stands there with and without '.$'")
            skeleton[name] = part.value if isinstance(part, _Constant) else None
            if not isinstance(part, _Constant):
                evaluated.append((name, part))
        return _object_evaluation(skeleton, tuple(evaluated)) if evaluated else _Constant(skeleton)

    def _field(self, field: str, value: Json, where: Where) -> "Evaluation | _Constant":
        if not field.endswith(EXPRESSION_SUFFIX):
            return self.compile(value, (*where, field))
        try:
            expression = compile_expression(value if isinstance(value, str) else "")
        except ExpressionSyntaxError:
            self._report(where, INVALID_EXPRESSION.format(field=field))
            return _Constant(None)
        self.expressions.append(expression)
        return partial(expression.evaluate, field=field)

    def _array(self, items: list[Json], where: Where) -> "Evaluation | _Constant":
        skeleton: list[Json] = []
        evaluated: list[tuple[int, Evaluation]] = []
        for index, item in enumerate(items):
            part = self.compile(item, (*where, str(index)))
            skeleton.append(part.value if isinstance(part, _Constant) else None)
            if not isinstance(part, _Constant):
                evaluated.append((index, part))
        return _array_evaluation(skeleton, tuple(evaluated)) if evaluated else _Constant(skeleton)


def _object_evaluation(
    skeleton: dict[str, Json], evaluated: tuple[tuple[str, Evaluation], ...]
) -> Evaluation:
    def evaluate(document: Json, environment: Environment) -> Json:
        made = skeleton.copy()
        for name, part in evaluated:
            made[name] = part(document, environment)
        return made

    return evaluate


def _array_evaluation(
    skeleton: list[Json], evaluated: tuple[tuple[int, Evaluation], ...]
) -> Evaluation:
    def evaluate(document: Json, environment: Environment) -> Json:
        made = skeleton.copy()
        for index, part in evaluated:
            made[index] = part(document, environment)
        return made

    return evaluate


def _paths_of(argument: Argument) -> Iterator[Path]:
    if isinstance(argument, Path):
        yield argument
    elif isinstance(argument, Call):
        for inner in argument.arguments:
            yield from _paths_of(inner)


def _call(call: Call) -> Evaluation:
    intrinsic = INTRINSICS.get(call.function)
    if intrinsic is None:
        raise ExpressionSyntaxError(f"there is no function States.{call.function}")
    if not intrinsic.takes(len(call.arguments)):
        raise ExpressionSyntaxError(
            f"States.{call.function} does not take {len(call.arguments)} arguments"
        )
    # States.Format tells {} from \{\}, so it gets its template with the escapes.
    keeps_escapes = call.function == "Format"
    arguments = tuple(
        _argument(argument, keeps_escapes and position == 0)
        for position, argument in enumerate(call.arguments)
    )
    return _call_evaluation(call.text, intrinsic, arguments)


def _argument(argument: Argument, keeps_escapes: bool) -> Evaluation:
    match argument:
        case Path():
            return partial(_read_argument, argument)
        case Call():
            return _call(argument)
        case Text():
            text = argument.raw if keeps_escapes else unescape_text(argument.raw)
            return lambda document, environment: text
        case Value():
            value = argument.value
            return lambda document, environment: value


def _read_argument(path: Path, document: Json, environment: Environment) -> Json:
    try:
        return path.read(document, environment)
    except PathMissError:
        raise _ArgumentMissError(
            f"The JsonPath argument for the field '{path.text}' could not be found"
            f" in the input '{shown(document)}'"
        ) from None


class _ArgumentMissError(Exception):
    """A path that a call takes as an argument leads nowhere."""


def _call_evaluation(
    text: str, intrinsic: Intrinsic, arguments: tuple[Evaluation, ...]
) -> Evaluation:
    def evaluate(document: Json, environment: Environment) -> Json:
        values = [argument(document, environment) for argument in arguments]
        environment.spend(1 + len(values))
        try:
            return intrinsic.apply(values, environment)
        except IntrinsicError as error:
            raise LanguageError(
                INTRINSIC_FAILURE, f"The function '{text}' had the following error: {error}"
            ) from None

    return evaluate
