"""How the functions of the library are defined."""

from collections.abc import Mapping
from typing import TypeAlias

from stepraft.interpreter.expressions.jsonata.calls import Implementation, Native
from stepraft.interpreter.expressions.jsonata.signatures import parse_signature

Definition: TypeAlias = tuple[str, Implementation, int]
"""Signature, implementation, and how many arguments it looks at when it is called back."""


def natives(definitions: Mapping[str, Definition]) -> dict[str, Native]:
    """Return the functions by name."""
    return {
        name: Native(name, implementation, parse_signature(signature, name), arity)
        for name, (signature, implementation, arity) in definitions.items()
    }
