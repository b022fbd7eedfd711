"""No expression takes endless work or memory: each of these would, without a bound."""

import pytest

from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.paths import compile_path
from stepraft.interpreter.expressions.templates import compile_template

WIDE: Json = {
    "a": [{"b": [{"c": k} for k in range(60)]} for _ in range(300)],
    "text": "x" * 200_000,
}

CHAIN: Json = "x" * 100_000
for _ in range(100):
    CHAIN = [CHAIN]


@pytest.mark.parametrize(
    ("path", "document", "name"),
    [
        pytest.param("$..*..*..*", WIDE, "States.Runtime", id="descents in descents"),
        pytest.param("$..[?(@ == $)]", WIDE, "States.Runtime", id="deep comparisons"),
        pytest.param("$..*..*", CHAIN, "States.DataLimitExceeded", id="few nodes, huge text"),
    ],
)
def test_a_search_ends(path: str, document: Json, name: str) -> None:
    with pytest.raises(LanguageError) as raised:
        compile_path(path).read(document, Environment(dict, {}, b""))

    assert raised.value.name == name


@pytest.mark.parametrize(
    "expression",
    [
        "$..*",
        "States.ArrayContains($.a, 1)",
        "States.ArrayUnique($.a)",
        "States.JsonToString($)",
        "States.Format('{}', $.text)",
        "States.StringSplit($.text, ',')",
        "States.ArrayPartition($.a, 1)",
        "States.JsonMerge($, $, false)",
        "States.ArrayRange(1, 1000, 1)",
    ],
)
def test_a_template_of_many_costly_expressions_ends(expression: str) -> None:
    template = compile_template(
        {f"k{n}.$": expression for n in range(20_000)}, lambda where, text: pytest.fail(text)
    )
    environment = Environment(dict, {}, b"")

    if "JsonMerge" in expression:
        document: Json = {f"k{n}": n for n in range(1000)}
    else:
        document = WIDE
    with pytest.raises(LanguageError) as raised:
        template.evaluate(document, environment)

    assert raised.value.name in ("States.Runtime", "States.DataLimitExceeded")
