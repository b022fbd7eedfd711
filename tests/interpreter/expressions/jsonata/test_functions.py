"""The functions of the library, each with what it gives and what it makes of nothing."""

from typing import Any

import pytest

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.expression import LIBRARY
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED

CASES: list[tuple[str, Any]] = [
    # Strings
    ("$string(1.50)", "1.5"),
    ("$string(0.1 + 0.2)", "0.3"),
    ("$string(1e21)", "1e+21"),
    ("$string(123456789012345678)", "123456789012345680"),
    ("$string(0.000001)", "0.000001"),
    ("$string(0.0000001)", "1e-7"),
    ('$string({"a": [1, null, "x"]})', '{"a":[1,null,"x"]}'),
    ('$string({"a": [1]}, true)', '{\n  "a": [\n    1\n  ]\n}'),
    ("$string($sum)", ""),
    ("$length('añ😀')", 3),
    ("$substring('hello', 1, 3)", "ell"),
    ("$substring('hello', -3)", "llo"),
    ("$substring('hello', -30, 2)", "he"),
    ("$substring('hello', 1, -1)", ""),
    ("$substringBefore('a-b-c', '-')", "a"),
    ("$substringAfter('a-b-c', '-')", "b-c"),
    ("$substringAfter('abc', '-')", "abc"),
    ("$uppercase('aé')", "AÉ"),
    ("$lowercase('AÉ')", "aé"),
    ("$trim('  a \n b ')", "a b"),
    ("$pad('a', 3)", "a  "),
    ("$pad('a', -4, '#-')", "#-#a"),
    ("$contains('abc', 'bc')", True),
    ("$contains('abc', /B/i)", True),
    ("$split('a, b', ', ')", ["a", "b"]),
    ("$split('abc', '')", ["a", "b", "c"]),
    ("$split('a1b22c', /[0-9]+/, 2)", ["a", "b"]),
    ("$join(['a', 'b'], '-')", "a-b"),
    ("$join('a')", "a"),
    ("$match('ab12', /([a-z])([0-9])/).groups", ["b", "1"]),
    ("$match('aXbX', /X/).index", [1, 3]),
    ("$replace('banana', 'a', 'o', 2)", "bonona"),
    ("$replace('John Smith', /(\\w+) (\\w+)/, '$2, $1')", "Smith, John"),
    ("$replace('ab', /b/, '$$$0$1')", "a$b"),
    ("$replace('abc', /b/, function($m){$uppercase($m.match)})", "aBc"),
    ("$base64encode('é')", "w6k="),
    ("$base64decode('w6k=')", "é"),
    ("$encodeUrlComponent('a b/ü')", "a%20b%2F%C3%BC"),
    ("$encodeUrl('http://x/a b?c=ü')", "http://x/a%20b?c=%C3%BC"),
    ("$decodeUrlComponent('a%20b%2F')", "a b/"),
    ("$decodeUrl('a%20b%2F')", "a b%2F"),
    # Numbers
    ("$number('12.5')", 12.5),
    ("$number('0x1F')", 31),
    ("$number(true)", 1),
    ("$abs(-3)", 3),
    ("$floor(-1.5)", -2),
    ("$ceil(1.2)", 2),
    ("$round(2.5)", 2),
    ("$round(125, -1)", 120),
    ("$round(4.525, 2)", 4.52),
    ("$power(2, 10)", 1024),
    ("$sqrt(16)", 4),
    ("$sum([1, 2.5])", 3.5),
    ("$max([1, 3, 2])", 3),
    ("$min([])", UNDEFINED),
    ("$average([1, 2])", 1.5),
    ("$formatBase(255, 16)", "ff"),
    ("$formatBase(-5, 2)", "-101"),
    ("$formatNumber(12345.6, '#,##0.00')", "12,345.60"),
    ("$formatNumber(-0.14, '01%')", "-14%"),
    ("$formatNumber(1234.5678, '00.000e0')", "12.346e2"),
    ("$formatNumber(-5, '0;(0)')", "(5)"),
    ("$formatNumber(34.555, '#0.00;(#0.00)')", "34.56"),
    ("$formatInteger(2789, 'w')", "two thousand, seven hundred and eighty-nine"),
    ("$formatInteger(21, 'Ww;o')", "Twenty-First"),
    ("$formatInteger(1999, 'I')", "MCMXCIX"),
    ("$formatInteger(28, 'a')", "ab"),
    ("$formatInteger(1234567, '#,##0')", "1,234,567"),
    ("$formatInteger(112, '1;o')", "112th"),
    ("$parseInteger('twelve thousand, four hundred and seventy-six', 'w')", 12476),
    ("$parseInteger('MCMXCIX', 'I')", 1999),
    ("$parseInteger('1,234', '#,##0')", 1234),
    # Truth
    ("$boolean([0, 'a'])", True),
    ("$boolean('')", False),
    ("$not(0)", True),
    ("$exists(nothing)", False),
    ("$exists(null)", True),
    # Arrays
    ("$count([1, 2])", 2),
    ("$count(nothing)", 0),
    ("$append([1], 2)", [1, 2]),
    ("$append(nothing, [1])", [1]),
    ("$reverse([1, 2])", [2, 1]),
    ("$distinct([1, 1.0, '1', {'a': 1}, {'a': 1}])", [1, "1", {"a": 1}]),
    ("$sort([3, 1, 2])", [1, 2, 3]),
    ("$sort(['b', 'a'], function($l, $r){$l < $r})", ["b", "a"]),
    ("$zip([1, 2, 3], ['a', 'b'])", [[1, "a"], [2, "b"]]),
    ("$sort($shuffle([1, 2, 3]))", [1, 2, 3]),
    ("$filter([1, 2, 3], function($v){$v > 1})", [2, 3]),
    ("$single([1, 2], function($v){$v = 2})", 2),
    ("$reduce([1, 2, 3], function($s, $v){$s + $v}, 10)", 16),
    ("$map([1, 2], $string)", ["1", "2"]),
    # Objects
    ("$keys([{'a': 1}, {'b': 2, 'a': 3}])", ["a", "b"]),
    ("$lookup([{'a': 1}, {'a': 2}], 'a')", [1, 2]),
    ("$spread({'a': 1, 'b': 2})", [{"a": 1}, {"b": 2}]),
    ("$merge([{'a': 1, 'b': 2}, {'a': 3}])", {"a": 3, "b": 2}),
    ("$each({'a': 1}, function($v, $k){$k & $v})", "a1"),
    ("$sift({'a': 1, 'b': 2}, function($v){$v > 1})", {"b": 2}),
    ("$type([null, 1])", "array"),
    ("$type(null)", "null"),
    # Times
    ("$millis()", 1_700_000_000_123),
    ("$now()", "2023-11-14T22:13:20.123Z"),
    (
        "$fromMillis(0, '[Y0001]-[M01]-[D01] [H01]:[m01] [z]', '+0130')",
        "1970-01-01 01:30 GMT+01:30",
    ),
    ("$fromMillis(0, '[FNn], [D1o] [MNn,*-3] [Y]')", "Thursday, 1st Jan 1970"),
    ("$fromMillis(1e12, '[h]:[m] [PN], week [W] of [X]')", "1:46 AM, week 36 of 2001"),
    ("$toMillis('1970-01-01T00:00:01.5Z')", 1500),
    ("$toMillis('1970-01-02')", 86_400_000),
    ("$toMillis('02 Jan 1970', '[D01] [MNn,*-3] [Y]')", 86_400_000),
    ("$toMillis('12:30 am', '[h]:[m] [P]') % 86400000", 1_800_000),
    # Those of Step Functions
    ("$partition([1, 2, 3], 2)", [[1, 2], [3]]),
    ("$partition([], 2)", []),
    ("$range(0, 10, 5)", [0, 5, 10]),
    ("$range(3, 1, -1)", [3, 2, 1]),
    ("$range(1, 0)", []),
    ("$hash('a', 'MD5')", "0cc175b9c0f1b6a831c399e269772661"),
    ("$hash('', 'SHA-256')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("$random(42)", 0.7275636800328681),
    ("$uuid() = $uuid()", False),
    ("$contains($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/)", True),
    ('$parse("{\\"a\\": [1]}")', {"a": [1]}),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_a_function_gives(text: str, expected: Any, evaluate: Any) -> None:
    assert evaluate(text) == expected


def test_every_function_is_called_here_or_beside(evaluate: Any) -> None:
    called = "".join(text for text, _ in CASES)
    beside = {"error", "assert", "clone"}

    assert {name for name in LIBRARY if f"${name}" not in called} == beside


UNARY = sorted(
    name
    for name, function in LIBRARY.items()
    if name
    not in {"error", "assert", "now", "millis", "random", "uuid", "count", "exists", "zip", "type"}
)


@pytest.mark.parametrize("name", UNARY)
def test_nothing_gives_nothing(name: str, evaluate: Any) -> None:
    others = {
        "append": "nothing",
        "contains": "'a'",
        "each": "$sum",
        "filter": "$sum",
        "formatInteger": "'1'",
        "formatNumber": "'1'",
        "lookup": "'a'",
        "map": "$sum",
        "match": "/a/",
        "pad": "1",
        "parseInteger": "'1'",
        "partition": "1",
        "power": "1",
        "range": "1",
        "reduce": "$append",
        "replace": "'a', 'b'",
        "sift": "$sum",
        "split": "'a'",
        "substring": "1",
        "substringAfter": "'a'",
        "substringBefore": "'a'",
    }
    rest = f", {others[name]}" if name in others else ""

    result = evaluate(f"${name}(nothing{rest})")

    assert result is UNDEFINED


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("$number('1x')", "D3030"),
        ("$sqrt(-1)", "D3060"),
        ("$power(0, -1)", "D3061"),
        ("$formatBase(1, 37)", "D3100"),
        ("$formatNumber(1, '0;0;0')", "D3080"),
        ("$formatNumber(1, '0.0.0')", "D3081"),
        ("$formatNumber(1, '0#')", "D3090"),
        ("$formatInteger(1, '#')", "D3130"),
        ("$formatInteger(1, '0٠')", "D3131"),
        ("$sort([1, 'a'])", "D3070"),
        ("$single([1, 1])", "D3138"),
        ("$single([])", "D3139"),
        ("$reduce([1, 2], function($a){$a})", "D3050"),
        ("$split('a', 'b', -1)", "D3020"),
        ("$replace('a', '', 'b')", "D3010"),
        ("$replace('a', 'a', 'b', -1)", "D3011"),
        ("$replace('a', /a/, function(){1})", "D3012"),
        ("$match('a', /a/, -1)", "D3040"),
        ("$string(1/0)", "D3001"),
        ("$decodeUrl('%zz')", "D3140"),
        ("$toMillis('yesterday')", "D3110"),
        ("$fromMillis(1, '[q]')", "D3132"),
        ("$fromMillis(1, '[YN]')", "D3133"),
        ("$fromMillis(1, '[Z0000000]')", "D3134"),
        ("$fromMillis(1, '[Y')", "D3135"),
        ("$toMillis('1-2', '[Y]-[D]')", "D3136"),
        ("$partition([1], 0)", "D3150"),
        ("$range(1, 2, 0)", "D3151"),
        ("$hash('a', 'CRC')", "D3152"),
        ("$parse('{')", "D3153"),
    ],
)
def test_a_function_refuses(text: str, code: str, evaluate: Any) -> None:
    with pytest.raises(JsonataError) as failed:
        evaluate(text)

    assert failed.value.code == code
