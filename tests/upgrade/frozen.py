"""What must not change in the shapes, and what a developer is told who changed it."""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.upgrade.shapes import Shape, Shapes

_RULE: Final = (
    "A released record never changes its fields: replicas would differ while programs of two "
    "releases share a cluster (interpreter/records.py says why). Put it back, and add what is new "
    "as docs/upgrades.md describes."
)


def problems(
    golden: Mapping[int, Shapes], now: Shapes, *, supported: int, released: int
) -> list[str]:
    """Return what is wrong with the shapes of this program, which supports the level `supported`.

    `golden`: what was kept for each level. Those up to `released` are out in the world.
    """
    found = [
        text
        for level in range(1, min(released, supported) + 1)
        for text in _changes(level, golden[level], now)
    ]
    kept = golden.get(supported)
    if found or kept == now:
        return found
    if supported > released:
        return [f"level {supported} is not as it was kept, and not released: run 'make golden'"]
    assert kept is not None, f"the released level {supported} was not kept"
    return [
        f"{name}: level {supported} is released without it. Give it to level {supported + 1}, in "
        "interpreter/features.py, and write it only where the cluster has that level: "
        "docs/upgrades.md"
        for name in _additions(kept, now)
    ]


def _changes(level: int, old: Shapes, now: Shapes) -> Iterator[str]:
    for name, shape in old.records.items():
        if now.records.get(name) != shape:
            yield f"{name}: {_change(level, shape, now.records.get(name))}. {_RULE}"
    for name, shape in old.growing.items():
        present = now.growing.get(name)
        if present is None or not _has_grown(shape, present):
            yield (
                f"{name}: {_change(level, shape, present)}. It may grow at its end, by fields with "
                "defaults, and not otherwise: programs of two releases read each other's."
            )
    for name, members in old.unions.items():
        for member in sorted(set(members) - set(now.unions.get(name, []))):
            yield f"{name}: released at level {level} with {member}, which is gone. {_RULE}"
    for name, values in old.enums.items():
        for member, value in values.items():
            if now.enums.get(name, {}).get(member) != value:
                yield f"{name}.{member}: released at level {level} as {value}. {_RULE}"


def _change(level: int, old: Shape, now: Shape | None) -> str:
    if now is None:
        return f"released at level {level}, and gone"
    if now.tag != old.tag:
        return f"released at level {level} with the tag {old.tag!r}, and now has {now.tag!r}"
    return f"released at level {level} with the fields {old.fields}, and now has {now.fields}"


def _has_grown(old: Shape, now: Shape) -> bool:
    length = len(old.fields)
    added = now.fields[length:]
    return (now.tag, now.fields[:length]) == (old.tag, old.fields) and all(
        " = " in field for field in added
    )


def _additions(old: Shapes, now: Shapes) -> Iterator[str]:
    """Name what is new beside what may grow without a level."""
    yield from now.records.keys() - old.records.keys()
    for name, members in now.unions.items():
        if name != "Message":
            yield from (f"{name} {each}" for each in members if each not in old.unions[name])
    for name, values in now.enums.items():
        yield from (f"{name}.{each}" for each in values if each not in old.enums.get(name, {}))
