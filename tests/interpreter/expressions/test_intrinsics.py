"""The 18 intrinsic functions: values, refusals, grammar."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepraft.interpreter.documents import Json, equal
from stepraft.interpreter.errors import LanguageError
from stepraft.interpreter.expressions.environment import Environment
from stepraft.interpreter.expressions.intrinsics import INTRINSICS
from stepraft.interpreter.expressions.scanner import ExpressionSyntaxError
from stepraft.interpreter.expressions.templates import compile_expression

DOCUMENT: Json = {
    "name": "Ann",
    "n": 7,
    "half": 1.5,
    "list": [1, 2, 2, 3, 1.0, True, "1"],
    "object": {"a": 1, "b": [None]},
    "template": "It's {}!",
    "long": "x" * 10_001,
    "a,b": [5],
}

VALUES: list[tuple[str, Json]] = [
    (r"States.Format('plain')", "plain"),
    (r"States.Format('{} is {}', $.name, $.n)", "Ann is 7"),
    (r"States.Format('{} {} {} {}', null, true, 1.5, 'x')", "null true 1.5 x"),
    (r"States.Format($.template, $.name)", "It's Ann!"),
    (r"States.Format('\{\} {} \'quoted\' \\', 1)", "{} 1 'quoted' \\"),
    (r"""States.StringToJson('{"a":[1,null]}')""", {"a": [1, None]}),
    (r"States.StringToJson('')", None),
    (r"States.StringToJson(' ')", None),
    (r"States.StringToJson('-0')", 0),
    (r"States.JsonToString($.object)", '{"a":1,"b":[null]}'),
    (r"States.JsonToString('x')", '"x"'),
    (r"States.Array()", []),
    (r"States.Array( 'a' , -1.5e2 , false , null )", ["a", -150.0, False, None]),
    (r"States.Array(States.Array(1), $$.Execution.Name, $limit)", [[1], "run-1", 3]),
    (r"States.Array($['a,b'][0], $.list[?(@ == 3)])", [5, [3]]),
    (r"States.ArrayPartition($.list, 3)", [[1, 2, 2], [3, 1.0, True], ["1"]]),
    (r"States.ArrayPartition($.list, 6.5)", [[1, 2, 2, 3, 1.0, True, "1"]]),
    (r"States.ArrayPartition(States.Array(), 4)", []),
    (r"States.ArrayContains($.list, 3)", True),
    (r"States.ArrayContains($.list, '3')", False),
    (r"States.ArrayContains(States.Array($.object), $.object)", True),
    (r"States.ArrayContains(States.Array(), null)", False),
    (r"States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
    (r"States.ArrayRange(0, 3, 2)", [0, 2]),
    (r"States.ArrayRange(3, 1, -1)", [3, 2, 1]),
    (r"States.ArrayRange(3, 1, 1)", []),
    (r"States.ArrayGetItem($.list, 0)", 1),
    (r"States.ArrayGetItem($.list, States.MathAdd(States.ArrayLength($.list), -1))", "1"),
    (r"States.ArrayLength($.list)", 7),
    (r"States.ArrayUnique($.list)", [1, 2, 3, True, "1"]),
    (r"States.Base64Encode('Grüße')", "R3LDvMOfZQ=="),
    (r"States.Base64Decode('R3LDvMOfZQ==')", "Grüße"),
    (r"States.Hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
    (r"States.Hash('a', 'SHA-1')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    (
        r"States.Hash('a', 'SHA-256')",
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    ),
    (r"States.Hash(1, 'MD5')", "c4ca4238a0b923820dcc509a6f75849b"),
    (
        r"""States.JsonMerge($.object, States.StringToJson('{"a":2}'), false)""",
        {"a": 2, "b": [None]},
    ),
    (r"States.MathRandom(5, 6)", 5),
    (r"States.MathAdd($.n, -1)", 6),
    (r"States.MathAdd(1.49, 1.5)", 3),
    (r"States.MathAdd(-1.5, 0)", -1),
    (r"States.MathAdd(-2.5, 0)", -2),
    (r"States.MathAdd(-0.5, 0.5)", 1),
    (r"States.StringSplit('a,b,c', ',')", ["a", "b", "c"]),
    (r"States.StringSplit('This.is+a,test=string', '.+,=')", ["This", "is", "a", "test", "string"]),
    (r"States.StringSplit(',,,,', ',')", []),
    (r"States.StringSplit(', , ,', ',')", [" ", " "]),
    (r"States.StringSplit('a-b]c^d', '-]^')", ["a", "b", "c", "d"]),
    (r"States.StringSplit('abc', '')", ["abc"]),
    ("States.StringSplit('a\nb', '\n')", ["a", "b"]),
]


@pytest.mark.parametrize(("call", "expected"), VALUES, ids=[call for call, _ in VALUES])
def test_a_function_gives_its_value(call: str, expected: Json, environment: Environment) -> None:
    assert equal(compile_expression(call).evaluate(DOCUMENT, environment, "f.$"), expected)


def test_every_function_has_a_row() -> None:
    called = {name for call, _ in VALUES for name in re.findall(r"States\.(\w+)\(", call)}

    assert sorted(INTRINSICS.keys() - called) == ["UUID"]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("States.Format('{}')", "the template has 1 placeholders, but 0 values are given"),
        ("States.Format('a', 1)", "the template has 0 placeholders, but 1 values are given"),
        (
            "States.Format('{}', $.object)",
            "values are strings, numbers, booleans or null, but one is an object",
        ),
        ("States.Format(1)", "the template must be a string, but is number"),
        (
            "States.StringToJson('{')",
            (
                "the string is not valid JSON: Expecting property name enclosed in double quotes"
                " at line 1 column 2 (character 1)"
            ),
        ),
        (
            "States.StringToJson('[1e999]')",
            "the string is not valid JSON: the number 1e999 is beyond the range of IEEE double",
        ),
        ("States.StringToJson($.n)", "the argument must be a string, but is number"),
        ("States.ArrayPartition($.list, 0)", "the chunk size is 0, but must be positive"),
        ("States.ArrayPartition($.n, 1)", "the first argument must be an array, but is number"),
        ("States.ArrayContains($.object, 1)", "the first argument must be an array, but is object"),
        ("States.ArrayRange(1, 2, 0)", "the increment must not be 0"),
        (
            "States.ArrayRange(0, 1000, 1)",
            "the range has 1001 elements, but at most 1000 are allowed",
        ),
        ("States.ArrayGetItem($.list, 7)", "the index is 7, but the array has 7 elements"),
        ("States.ArrayGetItem($.list, -1)", "the index is -1, but the array has 7 elements"),
        ("States.ArrayLength('abc')", "the first argument must be an array, but is string"),
        (
            "States.Base64Encode($.long)",
            "the text has 10001 characters, but at most 10000 are allowed",
        ),
        ("States.Base64Decode('%')", "the argument is no Base64 of UTF-8 text"),
        ("States.Base64Decode('/w==')", "the argument is no Base64 of UTF-8 text"),
        (
            "States.Hash('a', 'MD4')",
            "the algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512",
        ),
        (
            "States.Hash('a', $.object)",
            "the algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512",
        ),
        (
            "States.JsonMerge($.object, $.object, true)",
            "the third argument must be false: only shallow merging is supported",
        ),
        ("States.JsonMerge($.object, 1, false)", "the first two arguments must be objects"),
        ("States.MathRandom(2, 2)", "the end 2 must be above the start 2, by less than 2^31"),
        (
            "States.MathAdd(2147483647, 1)",
            "the sum 2147483648 is outside -2147483648 to 2147483647",
        ),
        ("States.MathAdd(true, 1)", "the first number must be a number, but is boolean"),
        ("States.MathAdd(1e50, 1)", "the first number is outside -2147483648 to 2147483647"),
        ("States.StringSplit(1, ',')", "the first argument must be a string, but is number"),
    ],
)
def test_a_function_refuses_what_it_cannot_take(
    call: str, problem: str, environment: Environment
) -> None:
    with pytest.raises(LanguageError) as raised:
        compile_expression(call).evaluate(DOCUMENT, environment, "f.$")

    assert (raised.value.name, raised.value.cause) == (
        "States.IntrinsicFailure",
        f"The function '{call}' had the following error: {problem}",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("States.Nope()", "there is no function States.Nope"),
        ("States.UUID(1)", "States.UUID does not take 1 arguments"),
        ("States.Format()", "States.Format does not take 0 arguments"),
        ("States.Array(1", "')' is missing at character 15"),
        ("States.Array(1,)", "an argument is missing at character 16"),
        ("States.Array(1) ", "' ' is unexpected at character 16"),
        ("States.Array(01)", "')' is missing at character 15"),
        ("States.Array(truely)", "an argument is missing at character 14"),
        (
            "States.Array('a)",
            r"a string ends with a quote and escapes only ' { } and \ ; one at character 14",
        ),
        (
            r"States.Array('\n')",
            r"a string ends with a quote and escapes only ' { } and \ ; one at character 14",
        ),
        (
            r"""States.StringToJson('{\"a\":1}')""",
            r"a string ends with a quote and escapes only ' { } and \ ; one at character 21",
        ),
        ("States.Array($.a b)", "')' is missing at character 18"),
        ("States.Array($[)", "')' is missing at character 15"),
        ("States.Array(States.Bad)", "a call such as States.Format(…) is missing at character 14"),
        ("Format('a')", "a call such as States.Format(…) is missing at character 1"),
        ("States.Array(" * 11 + ")" * 11, "calls nest more than 10 levels at character 144"),
    ],
)
def test_a_text_that_is_no_call_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        compile_expression(text)

    assert str(raised.value) == problem


@pytest.mark.parametrize(("size", "fits"), [(2**19, True), (2**19 + 1, False)])
def test_a_formatted_text_has_at_most_a_mebibyte(
    size: int, fits: bool, environment: Environment
) -> None:
    call = compile_expression("States.Format('{}{}', $, $)")

    if fits:
        assert call.evaluate("x" * size, environment, "f.$") == "x" * 2**20
    else:
        with pytest.raises(LanguageError, match="the text has more than 1048576 characters"):
            call.evaluate("x" * size, environment, "f.$")


def test_ten_calls_may_stand_within_each_other(environment: Environment) -> None:
    call = compile_expression("States.Array(" * 10 + ")" * 10)

    assert call.evaluate(None, environment, "f.$") == [[[[[[[[[[]]]]]]]]]]


def test_a_uuid_is_one_of_version_4_and_comes_from_the_entropy(
    make_environment: Callable[[bytes], Environment],
) -> None:
    def uuid(entropy: bytes) -> Json:
        return compile_expression("States.UUID()").evaluate(None, make_environment(entropy), "f")

    assert uuid(b"1") == uuid(b"1")
    assert uuid(b"1") != uuid(b"2")
    pattern = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert all(re.fullmatch(pattern, str(uuid(b"%d" % n))) for n in range(200))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("States.MathRandom(0, 10, 42)", 0),
        ("States.MathRandom(0, 100, 42)", 30),
        ("States.MathRandom(100, 110, 42)", 100),
        ("States.MathRandom(0, 16, 42)", 11),
        ("States.MathRandom(0, 100, 0)", 60),
    ],
)
def test_a_seed_gives_the_number_that_java_gives(
    call: str, expected: int, environment: Environment
) -> None:
    assert compile_expression(call).evaluate(None, environment, "f.$") == expected


@given(st.integers(-100, 100), st.integers(1, 100), st.binary())
def test_a_random_number_is_at_least_the_start_and_below_the_end(
    start: int, width: int, entropy: bytes
) -> None:
    call = compile_expression(f"States.MathRandom({start}, {start + width})")
    environment = Environment(dict, {}, entropy)

    drawn = [call.evaluate(None, environment, "f.$") for _ in range(5)]

    assert all(isinstance(number, int) and start <= number < start + width for number in drawn)


@given(st.text(alphabet="States.FormatArray('{}\\$.a,10) ", max_size=40))
def test_any_text_is_an_expression_or_a_syntax_error(text: str) -> None:
    try:
        expression = compile_expression(text)
    except ExpressionSyntaxError:
        return
    with suppress(LanguageError):
        expression.evaluate({"a": 1}, Environment(dict, {}, b""), "f.$")
