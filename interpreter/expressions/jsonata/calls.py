"""Functions and how they are called.

A call in tail position is handed back as a `TailCall` for the caller's loop to make, so that a loop
by recursion does not pile up.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import TOO_DEEP, Frame, Run
from stepraft.interpreter.expressions.jsonata.signatures import Signature
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Function, Value

Evaluate: TypeAlias = Callable[[Value, Frame], Value]
"""A part of an expression, compiled: from the input and the scope to a value."""

Implementation: TypeAlias = Callable[..., Value]
"""A function of the library: called with the run, then its arguments."""


class Closure(Function):
    """A function written in the expression."""

    __slots__ = ("body", "frame", "input", "parameters", "signature")

    def __init__(
        self,
        parameters: list[str],
        signature: Signature | None,
        body: Evaluate,
        input_: Value,
        frame: Frame,
    ) -> None:
        super().__init__("", len(parameters))
        self.parameters = parameters
        self.signature = signature
        self.body = body
        self.input = input_
        self.frame = frame


class Native(Function):
    """A function of the library."""

    __slots__ = ("implementation", "signature")

    def __init__(
        self, name: str, implementation: Implementation, signature: Signature, arity: int
    ) -> None:
        super().__init__(name, arity)
        self.implementation = implementation
        self.signature = signature


class Bound(Function):
    """A function made by another: by composing two, by a partial application, by a transform or a
    regular expression.
    """

    __slots__ = ("call",)

    def __init__(self, arity: int, call: Callable[[Run, list[Value]], Value]) -> None:
        super().__init__("", arity)
        self.call = call


class TailCall:
    """A call that is still to be made."""

    __slots__ = ("arguments", "context", "function")

    def __init__(self, function: Value, arguments: list[Value], context: Value) -> None:
        self.function = function
        self.arguments = arguments
        self.context = context


def apply(run: Run, function: Value, arguments: list[Value], context: Value = UNDEFINED) -> Value:
    """Call a function. `context`: the input, for parameters that fall back on it.

    Errors: JsonataError.
    """
    run.depth += 1
    if run.depth > run.depth_max:
        raise JsonataError("U1001", value=TOO_DEEP)
    result = apply_once(run, function, arguments, context)
    while type(result) is TailCall:
        result = apply_once(run, result.function, result.arguments, result.context)
    run.depth -= 1
    return result


def apply_once(run: Run, function: Value, arguments: list[Value], context: Value) -> Any:
    """Call a function, but not what it ends with. Errors: JsonataError."""
    run.spend(1)
    if type(function) is Native:
        return function.implementation(run, *function.signature.fit(arguments, context))
    if type(function) is Closure:
        if function.signature is not None:
            arguments = function.signature.fit(arguments, context)
        names = dict(zip(function.parameters, arguments, strict=False))
        for missing in function.parameters[len(arguments) :]:
            names[missing] = UNDEFINED
        return function.body(function.input, function.frame.inner(names))
    if isinstance(function, Bound):
        return function.call(run, arguments)
    raise JsonataError("T1006")


def call_back(run: Run, function: Value, *arguments: Value) -> Value:
    """Call a function with as many of the arguments as it looks at, but at least one."""
    return apply(run, function, list(arguments[: max(1, function.arity)]))


def compose(first: Value, second: Value) -> Bound:
    """Return the function that calls both, one after the other."""

    def call(run: Run, arguments: list[Value]) -> Value:
        return apply(run, second, [apply(run, first, arguments)])

    return Bound(1, call)


def partial(function: Value, arguments: list[Value]) -> Bound:
    """Return a function of the arguments that are OPEN here."""
    open_count = sum(argument is OPEN for argument in arguments)

    def call(run: Run, given: list[Value]) -> Value:
        rest = iter(given)
        whole = [next(rest, UNDEFINED) if each is OPEN else each for each in arguments]
        return apply(run, function, whole)

    return Bound(open_count, call)


class _Open:
    """Stands for an argument that is to come."""


_OPEN = _Open()
OPEN: Value = _OPEN
"""An argument of a partial application that is left open."""
