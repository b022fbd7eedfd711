"""Documents: the strict door, the encoding, equality."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter import documents
from stepraft.interpreter.documents import Json
from stepraft.interpreter.errors import LanguageError, Reason, Rejection

TEXTS = st.text(st.characters(codec="utf-8"))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXTS, inner, max_size=4),
    ),
    max_leaves=20,
)


def parsed(text: bytes | str, size_max: int = 1000) -> Json:
    return documents.parse_input(text, field="input", size_max=size_max)


@given(DOCUMENTS)
def test_a_document_comes_back_as_it_was(value: Json) -> None:
    text = documents.dumps(value)

    assert documents.equal(documents.loads(text), value)
    assert documents.equal(parsed(text, len(text)), value)
    assert documents.dumps(documents.loads(text)) == text


@given(DOCUMENTS)
def test_the_canonical_text_does_not_depend_on_the_order_of_keys(value: Json) -> None:
    def reversed_keys(value: Json) -> Json:
        if isinstance(value, dict):
            return {key: reversed_keys(value[key]) for key in reversed(value)}
        return [reversed_keys(item) for item in value] if isinstance(value, list) else value

    assert documents.canonical(reversed_keys(value)) == documents.canonical(value)


@given(st.one_of(st.binary(), st.text()))
def test_any_text_is_a_document_or_a_rejection(text: bytes | str) -> None:
    with suppress(Rejection):
        documents.dumps(parsed(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"a": [1, 2.5, None, True]}, b'{"a":[1,2.5,null,true]}', id="compact"),
        pytest.param("Gr\u00fc\u00dfe \U0001f600", '"Grüße 😀"'.encode(), id="not escaped"),
        pytest.param(10**30, b"1" + b"0" * 30, id="an integer beyond 64 bits"),
        pytest.param(0.1 + 0.2, b"0.30000000000000004", id="all digits of a float"),
        pytest.param(1.0, b"1.0", id="a float stays a float"),
    ],
)
def test_a_document_is_written_compactly(value: Json, text: bytes) -> None:
    assert documents.dumps(value) == text


def nested(depth: int) -> Json:
    value: Json = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        pytest.param([1, math.nan], "A number of the document is not finite.", id="NaN"),
        pytest.param({"a": -math.inf}, "A number of the document is not finite.", id="infinity"),
        pytest.param(
            "\ud800",
            "A string of the document holds a lone surrogate, which is no character.",
            id="surrogate",
        ),
        pytest.param(nested(257), "The document nests deeper than 256 levels.", id="257 levels"),
        pytest.param(nested(9999), "The document nests deeper than 256 levels.", id="9999 levels"),
    ],
)
def test_what_json_cannot_say_fails_the_workflow(value: Json, cause: str) -> None:
    with pytest.raises(LanguageError) as raised:
        documents.dumps(value)

    assert (raised.value.name, raised.value.cause) == ("States.Runtime", cause)


def test_256_levels_can_be_written() -> None:
    assert documents.dumps(nested(256)) == b"[" * 256 + b"]" * 256


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        pytest.param(
            b'{"a":}',
            Reason.INVALID_INPUT,
            "input is not valid JSON: Expecting value at line 1 column 6 (character 5)",
            id="position",
        ),
        pytest.param(
            "",
            Reason.INVALID_INPUT,
            "input is not valid JSON: Expecting value at line 1 column 1 (character 0)",
            id="empty",
        ),
        pytest.param(
            b"1 2",
            Reason.INVALID_INPUT,
            "input is not valid JSON: Extra data at line 1 column 3 (character 2)",
            id="two values",
        ),
        pytest.param(
            b"[NaN]",
            Reason.INVALID_INPUT,
            "input is not valid JSON: NaN is no JSON value",
            id="NaN",
        ),
        pytest.param(
            b"-Infinity",
            Reason.INVALID_INPUT,
            "input is not valid JSON: -Infinity is no JSON value",
            id="infinity",
        ),
        pytest.param(
            b"1e999",
            Reason.INVALID_INPUT,
            "input is not valid JSON: the number 1e999 is beyond the range of IEEE double",
            id="1e999",
        ),
        pytest.param(
            b'{"a":{"b":1,"c":2,"b":3}}',
            Reason.DUPLICATE_KEY,
            "input names the key 'b' twice in one object",
            id="duplicate key",
        ),
        pytest.param(
            rb'["\ud83d\ude00","\ud83d"]',
            Reason.INVALID_INPUT,
            "input holds a lone surrogate, which is no character",
            id="lone surrogate, escaped",
        ),
        pytest.param(
            '"\ud83d"',
            Reason.INVALID_INPUT,
            "input is not valid UTF-8: surrogates not allowed",
            id="lone surrogate",
        ),
        pytest.param(
            b'"\xff"',
            Reason.INVALID_INPUT,
            "input is not valid UTF-8: invalid start byte",
            id="bytes that are no UTF-8",
        ),
        pytest.param(
            b"[" * 129 + b"]" * 129,
            Reason.NESTING_TOO_DEEP,
            "input nests deeper than 128 levels",
            id="129 levels",
        ),
        pytest.param(
            b'"' + b"a" * 999 + b'"',
            Reason.PAYLOAD_TOO_LARGE,
            "input has 1001 bytes; at most 1000 are allowed",
            id="one byte too large",
        ),
    ],
)
def test_a_bad_document_is_refused(text: bytes | str, reason: Reason, message: str) -> None:
    with pytest.raises(Rejection) as raised:
        parsed(text)

    rejection = raised.value
    assert (rejection.reason, rejection.text, rejection.field) == (reason, message, "input")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(b" null ", None, id="blanks around"),
        pytest.param('"ü"', "ü", id="text"),
        pytest.param(rb'"\ud83d\ude00"', "\U0001f600", id="surrogates in pairs"),
        pytest.param(b"[" * 128 + b"]" * 128, nested(128), id="128 levels"),
        pytest.param(
            b"[[],[],[" + b"[" * 126 + b"]" * 128,
            [[], [], nested(127)],
            id="128 levels and more brackets",
        ),
        pytest.param(b'"' + b"a" * 998 + b'"', "a" * 998, id="just small enough"),
        pytest.param(b'"' + b"[" * 200 + b'"', "[" * 200, id="brackets in a string"),
        pytest.param(b"-0", 0, id="minus zero"),
    ],
)
def test_a_good_document_passes(text: bytes | str, value: Json) -> None:
    assert documents.equal(parsed(text), value)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"[":'], ids=["array", "object", "both"])
def test_100000_levels_cost_a_rejection(opening: bytes) -> None:
    text = opening * 100_000

    with pytest.raises(Rejection) as raised:
        parsed(text, len(text))

    assert raised.value.reason is Reason.NESTING_TOO_DEEP


@pytest.mark.parametrize("text", [b"1" * 5000, b"[" + b"9" * 4400 + b"]"])
def test_an_endless_integer_is_refused(text: bytes) -> None:
    with pytest.raises(Rejection) as raised:
        parsed(text, len(text))

    assert raised.value.reason is Reason.INVALID_INPUT


@given(DOCUMENTS)
def test_depth_is_counted_outside_of_strings(value: Json) -> None:
    def depth(value: Json) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    assert documents.depth_of(json.dumps(value).encode()) == depth(value)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param(1, 1.0, True, id="1 and 1.0"),
        pytest.param(True, 1, False, id="true and 1"),
        pytest.param(False, 0.0, False, id="false and 0.0"),
        pytest.param([1, {"a": 2}], [1.0, {"a": 2.0}], True, id="deeply"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, id="order of keys"),
        pytest.param({"a": 1}, {"a": 1, "b": None}, False, id="another key"),
        pytest.param([1, 2], [2, 1], False, id="order of elements"),
        pytest.param([1], [1, 1], False, id="length"),
        pytest.param([True], [1], False, id="true and 1 inside"),
        pytest.param("1", 1, False, id="text and number"),
        pytest.param(None, False, False, id="null and false"),
        pytest.param({}, [], False, id="object and array"),
    ],
)
def test_equality_is_that_of_json(left: Json, right: Json, expected: bool) -> None:
    assert documents.equal(left, right) is expected
    assert documents.equal(right, left) is expected


@pytest.mark.parametrize("size", [10, 1024, 1025, 20_000, 300_000])
def test_a_text_is_read_the_same_at_every_size(size: int) -> None:
    text = documents.dumps(["x" * size, {"n": 1}])

    assert documents.loads(text) == ["x" * size, {"n": 1}]


def test_a_small_value_that_is_huge_as_text_is_refused() -> None:
    value: Json = ["x" * 1000]
    for _ in range(30):
        value = [value, value]

    with pytest.raises(LanguageError) as raised:
        documents.require_bounded(value)

    assert raised.value.name == "States.DataLimitExceeded"


def test_an_error_shows_the_beginning_of_a_long_document() -> None:
    assert documents.shown({"a": 1}) == '{"a":1}'
    assert documents.shown("x" * 9000) == '"' + "x" * 8191 + "…"
