"""From the text of an expression to its tree: a parser by binding powers.

Source: https://docs.jsonata.org/ (language 2.0); the technique is V. Pratt's, "Top Down Operator
Precedence" (1973).
"""

from collections.abc import Callable
from typing import Final

from stepraft.interpreter.expressions.jsonata import ancestry
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.lexer import Token
from stepraft.interpreter.expressions.jsonata.nodes import (
    Array,
    Binary,
    Bind,
    Block,
    Call,
    Condition,
    Descendants,
    Filter,
    Lambda,
    Literal,
    Name,
    Negation,
    Node,
    Numbering,
    Object,
    Pairs,
    Parent,
    Path,
    Pattern,
    Placeholder,
    Slot,
    Sort,
    Transform,
    Variable,
    Wildcard,
)
from stepraft.interpreter.expressions.jsonata.signatures import parse_signature
from stepraft.interpreter.expressions.jsonata.values import is_number, number
from stepraft.interpreter.expressions.jsonata.words import Words

DEPTH_MAX: Final = 100
"""How deep parts of an expression may stand in one another."""

_POWERS: Final = {
    **dict.fromkeys(("(", "@", "#"), 80),
    "[": 80,
    ".": 75,
    "{": 70,
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("+", "-", "&"), 50),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">=", "in", "~>", "^", "?:", "??"), 40),
    "and": 30,
    "or": 25,
    **dict.fromkeys(("?", ".."), 20),
    ":=": 10,
}
_BINARY: Final = frozenset(
    (
        *("*", "/", "%", "+", "-", "&", "=", "!=", "<", "<=", ">", ">="),
        *("in", "~>", "and", "or", "?:", "??", ".."),
    )
)
_OPENING: Final = frozenset(("(", "[", "{", "|", "-"))
"""The symbols behind which an operand comes, so that a slash begins a regular expression."""

_LAMBDA_NAMES: Final = ("function", "λ")
_SIGNATURE_DEPTH: Final = {"<": 1, ">": -1}


def parse(text: str) -> tuple[Node, frozenset[str]]:
    """Return the tree of an expression, and the names of the variables in it.

    Errors: JsonataError, S0xxx.
    """
    parser = _Parser(text)
    return parser.parse(), frozenset(parser.variables)


class _Parser(Words):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.variables: set[str] = set()
        self._depth = 0
        self._labels = 0
        self._literal_steps: list[Literal] = []

    def parse(self) -> Node:
        self.advance(operand_expected=True)
        root = self._expression(0)
        if self.token.kind != "end":
            raise JsonataError("S0201", self.token.position, token=self.token.value)
        for step in self._literal_steps:
            raise JsonataError("S0213", step.position, value=step.value)
        ancestry.require_resolved(root)
        return root

    # Expressions

    def _expression(self, power: int) -> Node:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise JsonataError("S0500", self.token.position, value=DEPTH_MAX)
        begins_operand = self.token.kind == "operator" and self.token.value in _OPENING
        left = self._operand(self.advance(operand_expected=begins_operand))
        while self.token.kind == "operator" and _POWERS.get(self.token.value, 0) > power:
            left = self._behind(left, self.advance(operand_expected=True))
        self._depth -= 1
        return left

    def _operand(self, token: Token) -> Node:
        at = token.position
        match token.kind:
            case "name":
                return _path_of(Name(value=token.value, position=at))
            case "variable":
                self.variables.add(token.value)
                return Variable(name=token.value, position=at)
            case "value" | "string":
                return Literal(value=token.value, position=at)
            case "regex":
                pattern, flags = token.value
                return Pattern(pattern=pattern, flags=flags, position=at)
            case "end":
                raise JsonataError("S0207", at)
            case "operator":
                return self._prefix(token)

    def _prefix(self, token: Token) -> Node:
        at = token.position
        match token.value:
            case "and" | "or" | "in":
                return _path_of(Name(value=token.value, position=at))
            case "*":
                return Wildcard(position=at)
            case "**":
                return Descendants(position=at)
            case "%":
                self._labels += 1
                return Parent(slot=Slot(f"!{self._labels}"), position=at)
            case "-":
                return self._negation(at)
            case "?":
                return Placeholder(position=at)
            case "(":
                return self._block(at)
            case "[":
                return self._array(at)
            case "{":
                return self._object(at)
            case "|":
                return self._transform(at)
            case _:
                raise JsonataError("S0211", at, token=token.value)

    def _negation(self, at: int) -> Node:
        operand = self._expression(70)
        if isinstance(operand, Literal) and is_number(operand.value):
            return Literal(value=number(-operand.value), position=at)
        node = Negation(operand=operand, position=at)
        ancestry.carry(node, operand)
        return node

    def _block(self, at: int) -> Node:
        items: list[Node] = []
        while not self.comes(")"):
            items.append(self._expression(0))
            if not self.take(";", operand_expected=True):
                break
        self.expect(")")
        node = Block(items=items, position=at)
        for item in items:
            ancestry.carry(node, item)
        node.is_whole = any(_begins_whole(item) for item in items)
        return node

    def _array(self, at: int) -> Node:
        items: list[Node] = []
        if not self.comes("]"):
            items.append(self._expression(0))
            while self.take(",", operand_expected=True):
                items.append(self._expression(0))
        self.expect("]")
        node = Array(items=items, position=at)
        for item in items:
            ancestry.carry(node, item)
        return node

    def _object(self, at: int) -> Node:
        pairs = self._pairs()
        node = Object(pairs=pairs, position=at)
        for key, value in pairs:
            ancestry.carry(node, key)
            ancestry.carry(node, value)
        return node

    def _pairs(self) -> Pairs:
        pairs: Pairs = []
        if not self.comes("}"):
            while True:
                key = self._expression(0)
                self.expect(":", operand_expected=True)
                pairs.append((key, self._expression(0)))
                if not self.take(",", operand_expected=True):
                    break
        self.expect("}")
        return pairs

    def _transform(self, at: int) -> Node:
        where = self._expression(20)
        self.expect("|", operand_expected=True)
        changes = self._expression(20)
        deletions = None
        if self.take(",", operand_expected=True):
            deletions = self._expression(20)
        self.expect("|")
        return Transform(where=where, changes=changes, deletions=deletions, position=at)

    # What stands behind an operand

    def _behind(self, left: Node, token: Token) -> Node:
        special: dict[str, Callable[[Node, int], Node]] = {
            ".": self._step,
            "[": self._brackets,
            "{": self._grouping,
            "(": self._call,
            "^": self._sort,
            "?": self._condition,
            ":=": self._bind,
            "@": self._focus,
            "#": self._index,
        }
        if token.value in _BINARY:
            right = self._expression(_POWERS[token.value])
            return _binary(token, left, right)
        return special[token.value](left, token.position)

    def _step(self, left: Node, at: int) -> Node:
        right = self._expression(_POWERS["."])
        path = left if isinstance(left, Path) else Path(steps=[left], position=at)
        if isinstance(left, Parent):
            ancestry.carry(path, left)
        if isinstance(right, Path) and right.group is None:
            path.steps.extend(right.steps)
            path.keep_singleton = path.keep_singleton or right.keep_singleton
        else:
            right.stages.extend(right.filters)
            right.filters = []
            path.steps.append(right)
        path.steps = [self._as_step(step) for step in path.steps]
        path.keep_singleton = path.keep_singleton or any(s.keep_array for s in path.steps)
        for end in (path.steps[0], path.steps[-1]):
            if isinstance(end, Array):
                end.is_whole = True
        ancestry.resolve(path)
        return path

    def _as_step(self, step: Node) -> Node:
        """A string names a field; another literal is an error, once all of the text is read."""
        if not isinstance(step, Literal):
            return step
        if not isinstance(step.value, str):
            self._literal_steps.append(step)
            return step
        return Name(
            value=step.value,
            position=step.position,
            keep_array=step.keep_array,
            stages=step.stages,
        )

    def _brackets(self, left: Node, at: int) -> Node:
        if self.take("]"):
            step = left.steps[-1] if isinstance(left, Path) else left
            step.keep_array = True
            if isinstance(left, Path):
                left.keep_singleton = True
            return left
        condition = self._expression(0)
        self.expect("]")
        step = left.steps[-1] if isinstance(left, Path) else left
        if step.group is not None or left.group is not None:
            raise JsonataError("S0209", at)
        ancestry.resolve_filter(step, condition)
        made = Filter(condition=condition)
        if isinstance(left, Path):
            step.stages.append(made)
        else:
            left.filters.append(made)
        return left

    def _grouping(self, left: Node, at: int) -> Node:
        pairs = self._pairs()
        if left.group is not None:
            raise JsonataError("S0210", at)
        left.group = pairs
        return left

    def _call(self, left: Node, at: int) -> Node:
        arguments: list[Node] = []
        if not self.comes(")"):
            arguments.append(self._expression(0))
            while self.take(",", operand_expected=True):
                arguments.append(self._expression(0))
        self.expect(")")
        if _is_lambda_name(left):
            return self._lambda(arguments, at)
        node = Call(procedure=left, arguments=arguments, position=at)
        for argument in arguments:
            ancestry.carry(node, argument)
        return node

    def _lambda(self, arguments: list[Node], at: int) -> Node:
        parameters: list[str] = []
        for number_, argument in enumerate(arguments, start=1):
            if not isinstance(argument, Variable):
                raise JsonataError("S0208", argument.position, value=number_)
            parameters.append(argument.name)
        signature = self._signature() if self.comes("<") else None
        if signature is not None:
            parse_signature(signature, "")
        self.expect("{", operand_expected=True)
        body = self._expression(0)
        self.expect("}")
        return Lambda(parameters=parameters, signature=signature, body=body, position=at)

    def _signature(self) -> str:
        start = self.token.position
        depth = 0
        while self.token.kind != "end" and not self.comes("{"):
            depth += _SIGNATURE_DEPTH.get(str(self.token.value), 0)
            end = self.token.position + len(str(self.token.value))
            self.advance(operand_expected=False)
            if depth == 0:
                return self.text[start:end]
        raise JsonataError("S0202", self.token.position, value=">", token=self.token.value)

    def _sort(self, left: Node, at: int) -> Node:
        self.expect("(", operand_expected=True)
        terms: list[tuple[Node, bool]] = []
        while True:
            descending = self.comes(">")
            if descending or self.comes("<"):
                self.advance(operand_expected=True)
            terms.append((self._expression(0), descending))
            if not self.take(",", operand_expected=True):
                break
        self.expect(")")
        path = left if isinstance(left, Path) else _path_of(left)
        step = Sort(terms=terms, position=at)
        for term, _ in terms:
            ancestry.carry(step, term)
        path.steps.append(step)
        ancestry.resolve(path)
        return path

    def _condition(self, left: Node, at: int) -> Node:
        then = self._expression(0)
        otherwise = None
        if self.take(":", operand_expected=True):
            otherwise = self._expression(0)
        node = Condition(condition=left, then=then, otherwise=otherwise, position=at)
        for part in (left, then, otherwise):
            if part is not None:
                ancestry.carry(node, part)
        return node

    def _bind(self, left: Node, at: int) -> Node:
        if not isinstance(left, Variable) or left.filters:
            raise JsonataError("S0212", at)
        value = self._expression(_POWERS[":="] - 1)
        node = Bind(name=left.name, value=value, position=at)
        ancestry.carry(node, value)
        return node

    def _focus(self, left: Node, at: int) -> Node:
        name = self._variable_behind("@", at)
        path = left if isinstance(left, Path) else None
        step = path.steps[-1] if path is not None else left
        if step.stages or step.filters:
            raise JsonataError("S0215", at)
        if isinstance(step, Sort):
            raise JsonataError("S0216", at)
        step.focus = name
        step.is_tuple = True
        return left

    def _index(self, left: Node, at: int) -> Node:
        name = self._variable_behind("#", at)
        path = left if isinstance(left, Path) else _path_of(left)
        step = path.steps[-1]
        step.stages.extend(step.filters)
        step.filters = []
        if step.stages:
            step.stages.append(Numbering(name=name))
        else:
            step.index = name
        step.is_tuple = True
        return path

    def _variable_behind(self, symbol: str, at: int) -> str:
        token = self.token
        if token.kind != "variable":
            raise JsonataError("S0214", at, token=symbol)
        self.advance(operand_expected=False)
        return str(token.value)


def _path_of(step: Node) -> Path:
    path = Path(steps=[step], position=step.position, keep_singleton=step.keep_array)
    ancestry.carry(path, step)
    return path


def _binary(token: Token, left: Node, right: Node) -> Node:
    node = Binary(operator=token.value, left=left, right=right, position=token.position)
    ancestry.carry(node, left)
    ancestry.carry(node, right)
    return node


def _begins_whole(node: Node) -> bool:
    return node.is_whole or (isinstance(node, Path) and node.steps[0].is_whole)


def _is_lambda_name(node: Node) -> bool:
    if not isinstance(node, Path) or len(node.steps) != 1:
        return False
    name = node.steps[0]
    return isinstance(name, Name) and name.value in _LAMBDA_NAMES
