"""Where each `%` finds its object: decided while the tree is built, from the inside out.

A `%` is the input of the step before the one that it stands behind. Its slot climbs the steps of
its path, and then those of the path around it, until it has passed one step that goes a level down
for each level that it is up; that step keeps its input for it.
"""

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.nodes import (
    Block,
    Name,
    Node,
    Parent,
    Path,
    Slot,
    Wildcard,
)


def carry(outer: Node, inner: Node) -> None:
    """What is still sought beneath `inner` is sought beneath `outer`."""
    outer.seeking.extend(_slots_of(inner))


def resolve(path: Path) -> None:
    """Fill the slots of the last step from the steps before it, as far as they reach."""
    for slot in _slots_of(path.steps[-1]):
        at = len(path.steps) - 2
        while slot.level > 0:
            if at < 0:
                path.seeking.append(slot)
                break
            step = path.steps[at]
            at -= 1
            # Steps that bind their focus one after another all have the same input.
            while at >= 0 and step.focus is not None and path.steps[at].focus is not None:
                step = path.steps[at]
                at -= 1
            _seek(step, slot)


def resolve_filter(step: Node, condition: Node) -> None:
    """Fill the slots of a predicate from its step."""
    for slot in condition.seeking:
        if slot.level == 1:
            _seek(step, slot)
        else:
            slot.level -= 1
    carry(step, condition)


def require_resolved(root: Node) -> None:
    """Errors: JsonataError S0217 when a `%` is above everything that there is."""
    if _slots_of(root):
        raise JsonataError("S0217", root.position)


def _slots_of(node: Node) -> list[Slot]:
    return [*node.seeking, node.slot] if isinstance(node, Parent) else node.seeking


def _seek(node: Node, slot: Slot) -> None:
    match node:
        case Name() | Wildcard():
            slot.level -= 1
            if slot.level == 0:
                _give(node, slot)
        case Parent():
            slot.level += 1
        case Block(items=items):
            if items:
                node.is_tuple = True
                _seek(items[-1], slot)
        case Path(steps=steps):
            node.is_tuple = True
            at = len(steps) - 1
            _seek(steps[at], slot)
            while slot.level > 0 and at > 0:
                at -= 1
                _seek(steps[at], slot)
        case _:
            raise JsonataError("S0217", node.position)


def _give(step: Node, slot: Slot) -> None:
    if step.ancestor is None:
        step.ancestor = slot
    else:
        slot.label = step.ancestor.label
    step.is_tuple = True
