"""Operators, functions of one's own, and what is refused."""

from typing import Any

import pytest

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.expression import compile_expression
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("7 % 4", 3),
        ("-7 % 4", -3),
        ("1 / 4", 0.25),
        ("6 / 2", 3),
        ("9007199254740993", 9007199254740992),
        ("0.1 + 0.2", 0.30000000000000004),
        ("nothing + 1", UNDEFINED),
        ("1 < 2 and 'a' < 'b'", True),
        ("2 >= 2 or $error('never')", True),
        ("1 = 1.0", True),
        ("true = 1", False),
        ("{'a': [1]} = {'a': [1]}", True),
        ("[1, 2] != [2, 1]", True),
        ("nothing = nothing", False),
        ("nothing != 1", False),
        ("1 < nothing", UNDEFINED),
        ("'a' & 1 & true & null & nothing & [1, {'b': 2}]", 'a1truenull[1,{"b":2}]'),
        ("2 in [1, 2]", True),
        ("'a' in 'a'", True),
        ("nothing in [1]", False),
        ("[] ? 'y' : 'n'", "n"),
        ("0 ? 'y'", UNDEFINED),
        ("[0, 1] ? 'y' : 'n'", "y"),
        ("{} ?: 'default'", "default"),
        ("0 ?? 1", 0),
        ("nothing ?? 1", 1),
        ("($a := 1; $b := $a + 1; $a & $b)", "12"),
        ("($a := 1; ($a := 2); $a)", 1),
        ("()", UNDEFINED),
        ("($f := function($x, $y){$x - $y}; $f(5, 3))", 2),
        ("($f := λ($n){$n <= 1 ? 1 : $n * $f($n - 1)}; $f(5))", 120),
        ("($add := function($x){function($y){$x + $y}}; $add(2)(3))", 5),
        ("($half := function($x, $y){$x / $y}(?, 2); $half(8))", 4),
        ("'  a  ' ~> $trim() ~> $uppercase()", "A"),
        ("('a' ~> ($uppercase ~> function($s){$s & '!'}))", "A!"),
        ("$map([1, 2, 3], function($v, $i, $all){$v * $i + $count($all)})", [3, 5, 9]),
        ("/* a comment */ 1 /* another */", 1),
        ('"\\u00e9\\n\\"" & \'it\'', 'é\n"it'),
        ("$type(function(){1})", "function"),
    ],
)
def test_an_expression_gives(text: str, expected: Any, evaluate: Any) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("1 +", "S0207", 3),
        ("'open", "S0101", 5),
        ("1e1000", "S0102", 0),
        ('"\\q"', "S0103", 2),
        ('"\\u12"', "S0104", 2),
        ("`open", "S0105", 0),
        ("/* open", "S0106", 0),
        ("1 2", "S0201", 2),
        ("(1", "S0203", 2),
        ("[1)", "S0202", 2),
        ("1 ! 2", "S0204", 2),
        ("function(1){2}", "S0208", 9),
        ("a{'b': c}[0]", "S0209", 9),
        ("a{'b': c}{'d': e}", "S0210", 9),
        (") 1", "S0211", 0),
        ("a := 1", "S0212", 2),
        ("a.1", "S0213", 2),
        ("a@b", "S0214", 1),
        ("a[0]@$b", "S0215", 4),
        ("a^(b)@$c", "S0216", 5),
        ("%", "S0217", 0),
        ("/a", "S0302", 2),
        ("//", "S0301", 0),
        ("/(/", "S0302", 3),
        ("/a/q", "S0303", -1),
        ("function($a)<s<n>>{1}", "S0401", -1),
        ("function($a)<(sa<n>)>{1}", "S0402", -1),
        ("(" * 200 + "1" + ")" * 200, "S0500", 100),
    ],
)
def test_a_text_that_is_no_expression_is_refused(text: str, code: str, position: int) -> None:
    with pytest.raises(JsonataError) as refused:
        compile_expression(text)

    assert (refused.value.code, refused.value.position) == (code, position)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("'a' + 1", "T2001"),
        ("1 - true", "T2002"),
        ("['a'..2]", "T2003"),
        ("[1..2.5]", "T2004"),
        ("[1..1e8]", "D2014"),
        ("1 < 'a'", "T2009"),
        ("null < 1", "T2010"),
        ("1 ~> 2", "T2006"),
        ("-'a'", "D1002"),
        ("{1: 2}", "T1003"),
        ("{'a': 1, 'a': 2}", "D1009"),
        ("sum([1])", "T1005"),
        ("$nope(1)", "T1006"),
        ("sum(?)", "T1007"),
        ("$nope(?)", "T1008"),
        ("$sum('a')", "T0412"),
        ("$substring({}, 2)", "T0410"),
        ("function($a)<n:n>{$a}('x')", "T0410"),
        ("[{'a': 1}, {'a': 'x'}]^(a)", "T2007"),
        ("[{'a': true}, {'a': false}]^(a)", "T2008"),
        ("{'a': 1} ~> |$|1|", "T2011"),
        ("{'a': 1} ~> |$|{}, 1|", "T2012"),
        ("(1/0) + 1", "D1001"),
        ("($f := function($n){1 + $f($n)}; $f(1))", "U1001"),
        ("($f := function($n){$f($n)}; $f(1))", "U1001"),
        ("[1..9000000]", "U1001"),
        ("$replace('ab', /a*?/, 'c')", "D1004"),
        ("$match('a', function($s){1})", "T1010"),
        ("$error('why')", "D3137"),
        ("$assert(false, 'why')", "D3141"),
    ],
)
def test_what_cannot_be_evaluated_says_why(text: str, code: str, evaluate: Any) -> None:
    with pytest.raises(JsonataError) as failed:
        evaluate(text)

    assert failed.value.code == code
    assert str(failed.value).startswith(f"{code}: ")


def test_there_is_no_eval(evaluate: Any) -> None:
    with pytest.raises(JsonataError, match="T1006"):
        evaluate("$eval('1')")


@pytest.mark.parametrize(
    "text",
    [
        "$pad('', 1000000000)",
        "$map([1..5000], function($i){$map([1..5000], function($j){$i})})",
        "$reduce([1..60], function($s, $_){$s & $s}, 'xxxxxxxx')",
        "($f := function($a){$f($append($a, $a))}; $f([1]))",
        "$match($pad('', 30, 'a') & '!', /^(a|a)*$/)",
        "$shuffle([1..1000000])",
    ],
    ids=["a text", "loops", "doubling", "recursion", "a pattern", "draws"],
)
def test_a_bomb_goes_off_in_its_budget(text: str, evaluate: Any) -> None:
    with pytest.raises(JsonataError, match="U1001"):
        evaluate(text)


def test_a_loop_by_tail_calls_may_be_long(evaluate: Any) -> None:
    even = "($even := function($n){$n = 0 ? true : $odd($n - 1)};"
    odd = " $odd := function($n){$n = 0 ? false : $even($n - 1)}; $even(4000))"

    assert evaluate(even + odd) is True
