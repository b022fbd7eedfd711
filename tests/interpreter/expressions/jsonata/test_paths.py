"""Paths: what steps, predicates, bindings, sorting and grouping make of a document."""

from typing import Any

import pytest

from stepraft.interpreter.expressions.jsonata.values import UNDEFINED

LIBRARY: Any = {
    "name": "North",
    "shelves": [
        {
            "letter": "A",
            "books": [
                {"title": "Ada", "pages": 300, "tags": ["x", "y"]},
                {"title": "Bell", "pages": 120, "tags": []},
            ],
        },
        {"letter": "B", "books": [{"title": "Cray", "pages": 90, "tags": ["x"]}]},
    ],
    "odd name": {"deep": [[1, 2], [3]]},
}

CASES = [
    pytest.param("name", "North", id="a field"),
    pytest.param("nothing.at.all", UNDEFINED, id="a field that is not there"),
    pytest.param("shelves.letter", ["A", "B"], id="arrays on the way are dissolved"),
    pytest.param("shelves.books.title", ["Ada", "Bell", "Cray"], id="also nested ones"),
    pytest.param("shelves[0].letter", "A", id="one result stands for itself"),
    pytest.param("shelves[0].letter[]", ["A"], id="unless brackets keep the array"),
    pytest.param("shelves[-1].letter", "B", id="a place from the end"),
    pytest.param("shelves[5]", UNDEFINED, id="a place beyond the end"),
    pytest.param("shelves.books[0].title", ["Ada", "Cray"], id="a place in each array"),
    pytest.param("(shelves.books)[0].title", "Ada", id="a place in all results"),
    pytest.param("(shelves.books)[[0, 2]].title", ["Ada", "Cray"], id="several places"),
    pytest.param("shelves.books[pages > 100].title", ["Ada", "Bell"], id="a condition"),
    pytest.param('shelves.books["x" in tags].title', ["Ada", "Cray"], id="a condition with in"),
    pytest.param("`odd name`.deep", [[1, 2], [3]], id="a quoted name, an array as it stands"),
    pytest.param('"odd name".deep[0]', [1, 2], id="a string as the first step"),
    pytest.param("$.name", "North", id="the input"),
    pytest.param("$$.name", "North", id="the whole input"),
    pytest.param("shelves.books.$$.name", ["North", "North", "North"], id="from within, too"),
    pytest.param("shelves[0].*", ["A", *LIBRARY["shelves"][0]["books"]], id="all fields"),
    pytest.param("**.title", ["Ada", "Bell", "Cray"], id="at any depth"),
    pytest.param("shelves.books.%.letter", ["A", "A", "B"], id="the parent"),
    pytest.param("shelves.books.tags.%.%.letter", ["A", "A", "B"], id="the parent's parent"),
    pytest.param("shelves.books[%.letter = 'B'].title", "Cray", id="the parent in a condition"),
    pytest.param(
        "shelves@$s.$s.books@$b[$b.pages < 200].{'in': $s.letter, 'is': $b.title}",
        [{"in": "A", "is": "Bell"}, {"in": "B", "is": "Cray"}],
        id="bound on the way",
    ),
    pytest.param(
        "shelves.books#$i.{'i': $i, 't': title}",
        [{"i": 0, "t": "Ada"}, {"i": 1, "t": "Bell"}, {"i": 0, "t": "Cray"}],
        id="places bound on the way",
    ),
    pytest.param(
        "shelves.books[pages < 200]#$i.($i & title)", ["0Bell", "1Cray"], id="behind a predicate"
    ),
    pytest.param("shelves.books^(pages).title", ["Cray", "Bell", "Ada"], id="upwards"),
    pytest.param("shelves.books^(>pages).title", ["Ada", "Bell", "Cray"], id="downwards"),
    pytest.param(
        "shelves.books^($count(tags), >title).title", ["Bell", "Cray", "Ada"], id="by two terms"
    ),
    pytest.param(
        "shelves.books{tags[0]: $sum(pages)}", {"x": 390}, id="grouped, where there is a key"
    ),
    pytest.param(
        "shelves.books{title: pages}", {"Ada": 300, "Bell": 120, "Cray": 90}, id="by unique keys"
    ),
    pytest.param("shelves.[letter]", [["A"], ["B"]], id="an array for each"),
    pytest.param("shelves.books.[title, pages][0]", ["Ada", "Bell", "Cray"], id="and its place"),
    pytest.param("[shelves.letter, 'C']", ["A", "B", "C"], id="an array of results and one more"),
    pytest.param("[[shelves.letter], 'C']", [["A", "B"], "C"], id="an array in an array"),
    pytest.param("[1..3, 7, 9..8]", [1, 2, 3, 7], id="ranges"),
    pytest.param("{'a': nothing, 'b': null}", {"b": None}, id="undefined fields are left out"),
    pytest.param(
        "shelves.books ~> |$[title='Ada']|{'pages': 1}, ['tags']|",
        [
            {"title": "Ada", "pages": 1},
            {"title": "Bell", "pages": 120, "tags": []},
            {"title": "Cray", "pages": 90, "tags": ["x"]},
        ],
        id="a copy transformed",
    ),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_path_gives(text: str, expected: Any, evaluate: Any) -> None:
    assert evaluate(text, LIBRARY) == expected


def test_a_transform_leaves_its_input_alone(evaluate: Any) -> None:
    document = {"a": {"b": 1}}

    changed = evaluate("$ ~> |a|{'b': 2}|", document)

    assert (changed, document) == ({"a": {"b": 2}}, {"a": {"b": 1}})


def test_an_input_that_is_an_array_is_one_input(evaluate: Any) -> None:
    assert evaluate("$[0]", [7, 8]) == 7
    assert evaluate("$count($)", [7, 8]) == 2
    assert evaluate("a", [{"a": 1}, {"a": 2}]) == [1, 2]
