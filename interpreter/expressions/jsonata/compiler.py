"""From the tree of an expression to nested Python functions, made once and called often."""

from collections.abc import Callable
from typing import Any

from stepraft.interpreter.expressions.jsonata import (
    calls,
    grouping,
    paths,
    predicates,
    sorting,
    transforms,
)
from stepraft.interpreter.expressions.jsonata.calls import Closure, Evaluate, TailCall
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Frame
from stepraft.interpreter.expressions.jsonata.nodes import (
    Array,
    Binary,
    Bind,
    Block,
    Call,
    Condition,
    Descendants,
    Lambda,
    Literal,
    Name,
    Negation,
    Node,
    Object,
    Parent,
    Path,
    Pattern,
    Placeholder,
    Sort,
    Transform,
    Variable,
    Wildcard,
)
from stepraft.interpreter.expressions.jsonata.operators import OPERATIONS
from stepraft.interpreter.expressions.jsonata.regexes import matcher
from stepraft.interpreter.expressions.jsonata.signatures import parse_signature
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Built,
    Function,
    Outer,
    Sequence,
    Value,
    append,
    is_number,
    lookup,
    number,
    single,
    truth,
)


def compile_node(node: Node) -> Evaluate:
    """Return what evaluates a node, with its predicates and its grouping.

    Errors: JsonataError for a bad signature or regular expression.
    """
    evaluate = _bare(node)
    if node.filters:
        evaluate = predicates.filtered(evaluate, node.filters, compile_node)
    if node.group is not None and not isinstance(node, Path):
        evaluate = grouping.grouped(evaluate, node.group, compile_node)
    if node.keep_array:
        return _kept(evaluate)
    return evaluate if isinstance(node, _NEVER_SEQUENCES) else _collapsed(evaluate)


_NEVER_SEQUENCES = (Literal, Negation, Lambda, Pattern, Placeholder, Transform)


def _collapsed(evaluate: Evaluate) -> Evaluate:
    def run(input_: Value, frame: Frame) -> Value:
        value = evaluate(input_, frame)
        return single(value) if type(value) is Sequence else value

    return run


def _kept(evaluate: Evaluate) -> Evaluate:
    def run(input_: Value, frame: Frame) -> Value:
        value = evaluate(input_, frame)
        if type(value) is Sequence:
            value.keep_singleton = True
            return single(value)
        return value

    return run


def _bare(node: Node) -> Evaluate:
    match node:
        case Path():
            return paths.compile_path(node, compile_node)
        case Literal(value=value):
            return lambda input_, frame: value
        case Name(value=name):
            return lambda input_, frame: lookup(input_, name)
        case Variable(name=name):
            return _variable(name)
        case Call():
            return _call(node)
        case Binary():
            return _binary(node)
        case Block(items=items):
            return _block(items, compile_node)
        case Condition():
            return _condition(node, compile_node)
        case Array():
            return _array(node)
        case Object(pairs=pairs):
            return grouping.object_of(pairs, compile_node)
        case Bind(name=name, value=value):
            return _bind(name, compile_node(value))
        case Lambda():
            return _lambda(node)
        case _:
            return _rare(node)


def _rare(node: Node) -> Evaluate:
    match node:
        case Negation(operand=operand):
            return _negation(compile_node(operand))
        case Wildcard():
            return lambda input_, frame: _members(input_)
        case Descendants():
            return _descendants
        case Parent(slot=slot):
            return lambda input_, frame: frame.lookup(slot.label)
        case Pattern():
            made = matcher(node.pattern, node.flags)
            return lambda input_, frame: made
        case Transform():
            return transforms.compile_transform(node, compile_node)
        case Sort():
            return sorting.sorted_input(node, compile_node)
        case Placeholder():
            raise JsonataError("S0201", node.position, token="?")  # noqa: S106 - a word, no secret
        case _:
            raise AssertionError(f"no such node: {node}")


def _variable(name: str) -> Evaluate:
    if name:
        return lambda input_, frame: frame.lookup(name)
    return lambda input_, frame: input_[0] if type(input_) is Outer else input_


def _bind(name: str, value_of: Evaluate) -> Evaluate:
    def run(input_: Value, frame: Frame) -> Value:
        value = frame.names[name] = value_of(input_, frame)
        return value

    return run


def _negation(operand_of: Evaluate) -> Evaluate:
    def run(input_: Value, frame: Frame) -> Value:
        value = operand_of(input_, frame)
        if value is UNDEFINED:
            return UNDEFINED
        if not is_number(value):
            raise JsonataError("D1002", value=value)
        return number(-value)

    return run


# Operators


def _binary(node: Binary) -> Evaluate:
    left, right = compile_node(node.left), compile_node(node.right)
    match node.operator:
        case "and":
            return lambda input_, frame: truth(left(input_, frame)) and truth(right(input_, frame))
        case "or":
            return lambda input_, frame: truth(left(input_, frame)) or truth(right(input_, frame))
        case "?:":
            return _alternative(left, right, truth)
        case "??":
            return _alternative(left, right, lambda value: value is not UNDEFINED)
        case "~>":
            return _application(node, left, right)
        case _:
            return _operation(node, left, right)


def _operation(node: Binary, left: Evaluate, right: Evaluate) -> Evaluate:
    operate, position = OPERATIONS[node.operator], node.position

    def run(input_: Value, frame: Frame) -> Value:
        try:
            return operate(frame.run, left(input_, frame), right(input_, frame))
        except JsonataError as error:
            raise _placed(error, position) from None

    return run


def _placed(error: JsonataError, position: int) -> JsonataError:
    if error.position < 0:
        error.position = position
    return error


def _alternative(left: Evaluate, right: Evaluate, suits: Callable[[Value], bool]) -> Evaluate:
    def run(input_: Value, frame: Frame) -> Value:
        value = left(input_, frame)
        return value if suits(value) else right(input_, frame)

    return run


def _application(node: Binary, left: Evaluate, right: Evaluate) -> Evaluate:
    """`a ~> f`: a call with `a` as first argument, or two functions made into one."""
    if isinstance(node.right, Call) and not node.right.is_partial:
        return _call(node.right, first=left)

    def run(input_: Value, frame: Frame) -> Value:
        value, function = left(input_, frame), right(input_, frame)
        if not isinstance(function, Function):
            raise JsonataError("T2006", node.position, value=function)
        if isinstance(value, Function):
            return calls.compose(value, function)
        return calls.apply(frame.run, function, [value])

    return run


# Control


def _block(items: list[Node], compile_last: Callable[[Node], Evaluate]) -> Evaluate:
    if not items:
        return lambda input_, frame: UNDEFINED
    first = [compile_node(item) for item in items[:-1]]
    last = compile_last(items[-1])

    def run(input_: Value, frame: Frame) -> Value:
        inner = frame.inner()
        for each in first:
            each(input_, inner)
        return last(input_, inner)

    return run


def _condition(node: Condition, compile_branch: Callable[[Node], Evaluate]) -> Evaluate:
    condition, then = compile_node(node.condition), compile_branch(node.then)
    otherwise = None if node.otherwise is None else compile_branch(node.otherwise)

    def run(input_: Value, frame: Frame) -> Value:
        if truth(condition(input_, frame)):
            return then(input_, frame)
        return UNDEFINED if otherwise is None else otherwise(input_, frame)

    return run


# Calls


def _call(node: Call, first: Evaluate | None = None) -> Evaluate:
    prepare = _prepared_call(node, first)
    if node.is_partial:
        return prepare

    def run(input_: Value, frame: Frame) -> Value:
        function, arguments = prepare(input_, frame)
        try:
            return calls.apply(frame.run, function, arguments, input_)
        except JsonataError as error:
            raise _placed(error, node.position) from None

    return run


def _prepared_call(node: Call, first: Evaluate | None = None) -> Callable[[Value, Frame], Any]:
    """Return what gives a function and its arguments; of a partial call, the function made."""
    procedure = compile_node(node.procedure)
    is_open = [isinstance(argument, Placeholder) for argument in node.arguments]
    arguments = [
        _open if is_placeholder else compile_node(argument)
        for argument, is_placeholder in zip(node.arguments, is_open, strict=True)
    ]
    if first is not None:
        arguments.insert(0, first)
    is_partial, hint = node.is_partial, _name_of(node.procedure)

    def run(input_: Value, frame: Frame) -> Any:
        function = procedure(input_, frame)
        if not isinstance(function, Function):
            raise _no_function(frame, hint, node.position, is_partial=is_partial)
        values = [argument(input_, frame) for argument in arguments]
        return calls.partial(function, values) if is_partial else (function, values)

    return run


def _open(input_: Value, frame: Frame) -> Value:
    return calls.OPEN


def _name_of(procedure: Node) -> str:
    if isinstance(procedure, Path) and isinstance(procedure.steps[0], Name):
        return procedure.steps[0].value
    return ""


def _no_function(frame: Frame, hint: str, position: int, *, is_partial: bool) -> JsonataError:
    is_forgotten_dollar = bool(hint) and frame.lookup(hint) is not UNDEFINED
    code = ("T1007" if is_partial else "T1005") if is_forgotten_dollar else ""
    return JsonataError(code or ("T1008" if is_partial else "T1006"), position, token=hint)


def _lambda(node: Lambda) -> Evaluate:
    signature = None if node.signature is None else parse_signature(node.signature, "")
    body, parameters = _compile_tail(node.body), node.parameters

    def run(input_: Value, frame: Frame) -> Value:
        return Closure(parameters, signature, body, input_, frame)

    return run


def _compile_tail(node: Node) -> Evaluate:
    """Compile what a function ends with: a call there is left to its caller."""
    if node.filters or node.group is not None or node.keep_array:
        return compile_node(node)
    match node:
        case Call() if not node.is_partial:
            return _tail_call(node)
        case Condition():
            return _condition(node, _compile_tail)
        case Block(items=items):
            return _block(items, _compile_tail)
        case _:
            return compile_node(node)


def _tail_call(node: Call) -> Evaluate:
    prepare = _prepared_call(node)

    def run(input_: Value, frame: Frame) -> Value:
        function, arguments = prepare(input_, frame)
        return TailCall(function, arguments, input_)

    return run


# Arrays and what is in values


def _array(node: Array) -> Evaluate:
    items = [(compile_node(item), isinstance(item, Array)) for item in node.items]
    make = Built if node.is_whole else list

    def run(input_: Value, frame: Frame) -> Value:
        made: Any = make()
        frame.run.spend(len(items))
        for item_of, is_array in items:
            value = item_of(input_, frame)
            if value is UNDEFINED:
                continue
            if isinstance(value, list) and not is_array:
                frame.run.spend(len(value))
                made.extend(value)
            else:
                made.append(value)
        return made

    return run


def _members(value: Value) -> Value:
    """Return the values of an object's fields, arrays among them dissolved."""
    found = Sequence()
    if type(value) is Outer:
        value = value[0]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        if isinstance(item, list):
            found = append(found, Sequence(_flat(item)))
        else:
            found.append(item)
    return found


def _flat(items: list[Any]) -> list[Any]:
    return [each for item in items for each in (_flat(item) if isinstance(item, list) else [item])]


def _descendants(value: Value, frame: Frame) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    found = Sequence()
    waiting = [value]
    while waiting:
        current = waiting.pop()
        frame.run.spend(1)
        if isinstance(current, list):
            waiting.extend(reversed(current))
            continue
        found.append(current)
        if isinstance(current, dict):
            waiting.extend(reversed(current.values()))
    return found
