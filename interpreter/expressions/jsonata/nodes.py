"""An expression as a tree. The parser builds it and marks its paths; nothing changes it later."""

from dataclasses import dataclass, field
from typing import TypeAlias

from stepraft.interpreter.expressions.jsonata.values import Value


@dataclass(slots=True)
class Slot:
    """Where a `%` finds its object: `label` names it in the frame; `level` is how many steps up it
    still is.
    """

    label: str
    level: int = 1


@dataclass(slots=True, kw_only=True)
class Filter:
    """A predicate in brackets behind a step."""

    condition: "Node"


@dataclass(slots=True, kw_only=True)
class Numbering:
    """`#$name` behind predicates: binds the place of each item."""

    name: str


Stage: TypeAlias = Filter | Numbering
Pairs: TypeAlias = "list[tuple[Node, Node]]"


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """What all nodes may carry.

    `keep_array`: written with `[]`, so that one result does not stand for itself. `filters`,
    `group`: predicates and grouping behind an expression that is no path. The rest is for steps:
    `stages` are its predicates, `focus` and `index` the variables that it binds, `ancestor` the
    label of its input where a `%` needs it, `is_tuple` whether any of this is so in or beneath it.
    `is_whole`: an array that is the first or last step of a path, or begins with one: it is not
    dissolved. `seeking`: the slots of `%` beneath that no step has filled yet.
    """

    position: int = -1
    keep_array: bool = False
    filters: list[Filter] = field(default_factory=list)
    group: "Pairs | None" = None
    stages: list[Stage] = field(default_factory=list)
    focus: str | None = None
    index: str | None = None
    ancestor: Slot | None = None
    is_tuple: bool = False
    is_whole: bool = False
    seeking: list[Slot] = field(default_factory=list)


@dataclass(slots=True, kw_only=True, eq=False)
class Literal(Node):
    """A number, a string, true, false or null."""

    value: Value


@dataclass(slots=True, kw_only=True, eq=False)
class Name(Node):
    """A field of the input."""

    value: str


@dataclass(slots=True, kw_only=True, eq=False)
class Variable(Node):
    """`$name`; the empty name is the input itself."""

    name: str


@dataclass(slots=True, kw_only=True, eq=False)
class Wildcard(Node):
    """`*`"""


@dataclass(slots=True, kw_only=True, eq=False)
class Descendants(Node):
    """`**`"""


@dataclass(slots=True, kw_only=True, eq=False)
class Parent(Node):
    """`%`"""

    slot: Slot


@dataclass(slots=True, kw_only=True, eq=False)
class Pattern(Node):
    """A regular expression."""

    pattern: str
    flags: str


@dataclass(slots=True, kw_only=True, eq=False)
class Array(Node):
    """`[…]`"""

    items: list[Node]


@dataclass(slots=True, kw_only=True, eq=False)
class Object(Node):
    """`{…}`"""

    pairs: Pairs


@dataclass(slots=True, kw_only=True, eq=False)
class Negation(Node):
    """`-x`"""

    operand: Node


@dataclass(slots=True, kw_only=True, eq=False)
class Binary(Node):
    """An operator between two operands."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True, kw_only=True, eq=False)
class Condition(Node):
    """`if ? then : otherwise`"""

    condition: Node
    then: Node
    otherwise: Node | None


@dataclass(slots=True, kw_only=True, eq=False)
class Block(Node):
    """`(a; b)`"""

    items: list[Node]


@dataclass(slots=True, kw_only=True, eq=False)
class Bind(Node):
    """`$name := value`"""

    name: str
    value: Node


@dataclass(slots=True, kw_only=True, eq=False)
class Lambda(Node):
    """`function($a, $b)<signature>{ body }`"""

    parameters: list[str]
    signature: str | None
    body: Node


@dataclass(slots=True, kw_only=True, eq=False)
class Placeholder(Node):
    """`?` among the arguments of a partial application."""


@dataclass(slots=True, kw_only=True, eq=False)
class Call(Node):
    """A call; partial if there is a placeholder among the arguments."""

    procedure: Node
    arguments: list[Node]

    @property
    def is_partial(self) -> bool:
        """Whether it makes a function instead of calling one."""
        return any(isinstance(argument, Placeholder) for argument in self.arguments)


@dataclass(slots=True, kw_only=True, eq=False)
class Transform(Node):
    """`|where|changes,deletions|`"""

    where: Node
    changes: Node
    deletions: Node | None


@dataclass(slots=True, kw_only=True, eq=False)
class Sort(Node):
    """`^(…)`, a step: its terms, each with whether it sorts downwards."""

    terms: list[tuple[Node, bool]]


@dataclass(slots=True, kw_only=True, eq=False)
class Path(Node):
    """Steps, each applied to every result of the one before."""

    steps: list[Node]
    keep_singleton: bool = False
