"""Whatever an expression says, it gives a value or a JsonataError, within its budget."""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.expression import LIBRARY
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED

WORDS = [
    *("a", "b", "$", "$$", "$x", "*", "**", "%", "1", "-1", "0.5", "'s'", '"t"', "null", "true"),
    *("+", "-", "*", "/", "=", "!=", "<", ">=", "&", "and", "or", "in", "~>", "?:", "??", ".."),
    *("(", ")", "[", "]", "{", "}", ",", ";", ":", ":=", "?", "|", "@$i", "#$i", "^", ".", "[]"),
    *("function($x){", "λ($x)<n:n>{", "/a+/", "/(b|a)*/i", "%.%", "$x :="),
    *(f"${name}(" for name in LIBRARY),
]
EXPRESSIONS = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "aab", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)
LIMITS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@LIMITS
@given(text=EXPRESSIONS | st.text(max_size=30), document=DOCUMENTS)
def test_any_text_gives_a_value_or_an_error_of_the_language(
    text: str, document: Any, evaluate: Any
) -> None:
    with suppress(JsonataError):
        evaluate(text, document, x=document, steps_max=20_000)


@LIMITS
@given(document=DOCUMENTS)
def test_laws_of_documents(document: Any, evaluate: Any) -> None:
    assert evaluate("$x", UNDEFINED, x=document) == document
    assert evaluate("$parse($string([$x])) = [$x]", UNDEFINED, x=document) is True
    assert evaluate("$merge([{'v': $x}])", UNDEFINED, x=document) == {"v": document}


@LIMITS
@given(items=st.lists(st.integers(-50, 50)))
def test_laws_of_arrays(items: list[int], evaluate: Any) -> None:
    assert evaluate("$sort($x)", UNDEFINED, x=items) == sorted(items)
    assert evaluate("$reverse($reverse($x))", UNDEFINED, x=items) == items
    assert evaluate("$count($distinct($x))", UNDEFINED, x=items) == len(set(items))
    assert evaluate("$sum($x)", UNDEFINED, x=items) == sum(items)
