"""CEL's meaning, in tables of our own after the conformance tests of cel-spec (tests/simple/testdata)."""

import math

import pytest
from expressions import ENV

from antiphon import expr
from antiphon.core.signal import Value
from antiphon.expr import ExpressionError, Outcome

NOTHING: dict[str, Value] = {}


def value(text: str, known: dict[str, Value] = NOTHING) -> Outcome:
    return expr.compile(text, ENV, "any").value(known.get)


LOGIC = {
    "true ? 1 : 2": 1,
    "false ? 'foo' : 'bar'": "bar",
    "true && true": True,
    "true && false": False,
    "false && (2 / 0 > 3 ? false : true)": False,
    "(2 / 0 > 3 ? false : true) && false": False,
    "true || (2 / 0 > 3 ? false : true)": True,
    "(2 / 0 > 3 ? false : true) || true": True,
    "false || false": False,
    "!true": False,
    "!!true": True,
    "false ? 1 / 0 > 1 : true": True,
}
NUMBERS = {
    "42 + (-2)": 40,
    "-42 - (-2)": -40,
    "42 * (-2)": -84,
    "-42 / 2": -21,
    "-42 / (-2)": 21,
    "7 / -2": -3,
    "-7 / 2": -3,
    "42 % (-5)": 2,
    "-42 % (-5)": -2,
    "-7 % 2": -1,
    "-(42)": -42,
    "-(-42)": 42,
    "-(0)": 0,
    "0xff": 255,
    "-0xff": -255,
    "9223372036854775807": 2**63 - 1,
    "-9223372036854775808": -(2**63),
    "4.25 + 15.25": 19.5,
    "-1.0 * 0.5": -0.5,
    "-(4.5)": -4.5,
    "1.0 / 0.0": math.inf,
    "-1.0 / 0.0": -math.inf,
    "1.5e3": 1500.0,
    ".5": 0.5,
    "1e2": 100.0,
    "2 + 3 * 4": 14,
    "(2 + 3) * 4": 20,
    "10 - 3 - 2": 5,
    "24 / 4 / 2": 3,
    "----19": 19,
    "math.greatest(1, 5, 3)": 5,
    "math.least(1.5, -2.0)": -2.0,
}
COMPARISONS = {
    "1 == 1.0": True,
    "1 < 1.5": True,
    "2.0 >= 2": True,
    "9007199254740993 == 9007199254740992.0": False,
    "'a' < 'b'": True,
    "'ab' < 'aa'": False,
    "false < true": True,
    "0.0 / 0.0 == 0.0 / 0.0": False,
    "0.0 / 0.0 != 0.0 / 0.0": True,
    "0.0 == -0.0": True,
    "[1, 2] == [1, 2]": True,
    "[1, 2] == [2, 1]": False,
    "[] == [1]": False,
    "[[1]] == [[1.0]]": None,
    "'a' in ['a', 'b']": True,
    "3 in [1, 2]": False,
    "1.0 in [1, 2]": True,
    "1 in []": False,
    "!('x' in ['y'])": True,
}
TEXTS = {
    "size('')": 0,
    "size('ÿ')": 1,
    "size('πέντε')": 5,
    "'four'.size()": 4,
    "size('😀')": 1,
    "'foobar'.startsWith('foo')": True,
    "'foobar'.startsWith('bar')": False,
    "''.startsWith('foo')": False,
    "'foobar'.startsWith('')": True,
    "'завтра'.startsWith('за')": True,
    "'forté'.endsWith('té')": True,
    "''.endsWith('')": True,
    "'hello'.contains('he')": True,
    "'hello'.contains('ol')": False,
    "'Straße'.contains('aß')": True,
    "'hubba'.matches('ubb')": True,
    "''.matches('foo|bar')": False,
    "'cows'.matches('')": True,
    "'grey'.matches('gr(a|e)y')": True,
    "'banana'.matches('ba(na)*')": True,
    "'mañana'.matches('a+ñ+a+')": True,
    "matches('abc', '^b')": False,
    "'he' + 'llo'": "hello",
    "'¢' + 'ÿ' + 'Ȁ'": "¢ÿȀ",
    "'TacoCÆt'.lowerAscii()": "tacocÆt",
    "'tacocæt'.upperAscii()": "TACOCæT",
    "'  text \\t'.trim()": "text",
}
LITERALS = {
    "'hello'": "hello",
    '"hello"': "hello",
    "'''hello'''": "hello",
    '"""hel\nlo"""': "hel\nlo",
    "'''x''x'''": "x''x",
    r"""' \\ \? \" \' \` '""": " \\ ? \" ' ` ",
    r"' \a \b \f \n \r \t \v '": " \a \b \f \n \r \t \v ",
    r"' \x01 \X7F '": " \x01 \x7f ",
    r"'\000\012\377'": "\0\nÿ",
    r"'\u00ff\U0001F600'": "ÿ😀",
    r"r'\n\\'": "\\n\\\\",
    r"""R"a'b" """: "a'b",
    "''": "",
    "1 // a remark\n + 1": 2,
}
LISTS = {
    "[1, 2, 3].exists(e, e > 2)": True,
    "[1, 2, 3].exists(e, e > 3)": False,
    "[].exists(e, e == 2)": False,
    "[1, 0].exists(e, 4 / e == 4)": True,
    "[1, 2, 3].all(e, e > 0)": True,
    "[1, 2, 3].all(e, e == 2)": False,
    "[1, 2, 3].all(e, 6 / (2 - e) == 6)": False,
    "[].all(e, e > 0)": True,
    "[7].exists_one(a, a == 7)": True,
    "[0, 1, 2, 3, 4].exists_one(n, n % 2 == 1)": False,
    "['foal', 'foo', 'four'].exists_one(n, n.startsWith('fo'))": False,
    "[2, 4, 6].map(n, n / 2)": (1, 2, 3),
    "[].map(n, n / 2)": (),
    "[1, 2, 3].map(n, n > 1, n * n)": (4, 9),
    "[0, 1, 2, 3, 4].filter(x, x % 2 == 1)": (1, 3),
    "[1].filter(n, n > 3)": (),
    "[1, 2] + [3]": (1, 2, 3),
    "[] + []": (),
    "[1, 2, 3][1]": 2,
    "[[[[['foo']]]]][0][0][0][0][0]": "foo",
    "size([1, 2, 3])": 3,
    "[].size()": 0,
    "size([[[[[[[[[[[[0]]]]]]]]]]]])": 1,
    "[[1, 2], [3]].map(l, l.map(n, n + 1))": ((2, 3), (4,)),
    "[[1], []].exists(l, l.all(n, n > 1))": True,
}
CONVERSIONS = {
    "int(1.9)": 1,
    "int(-1.9)": -1,
    "int('-987')": -987,
    "int(timestamp('2009-02-13T23:31:30Z'))": 1234567890,
    "double('-3.5')": -3.5,
    "double(3)": 3.0,
    "string(123)": "123",
    "string(1.5)": "1.5",
    "string(1.0)": "1",
    "string(true)": "true",
    "bool('TRUE')": True,
    "bool('0')": False,
    "string(timestamp('9999-12-31T23:59:59.999999999Z'))": "9999-12-31T23:59:59.999999999Z",
    "string(timestamp('1972-01-01T10:00:20.021-05:00'))": "1972-01-01T15:00:20.021Z",
    "string(duration('1000000s'))": "1000000s",
    "string(duration('-1h30m'))": "-5400s",
    "string(duration('1.5s'))": "1.5s",
    "string(timestamp(0))": "1970-01-01T00:00:00Z",
    "string(duration('100us'))": "0.0001s",
}
AT = "timestamp('2009-02-13T23:31:30Z')"  # a Friday
TIMES = {
    f"{AT}.getDate()": 13,
    f"{AT}.getDayOfMonth()": 12,
    f"{AT}.getDayOfWeek()": 5,
    f"{AT}.getDayOfYear()": 43,
    f"{AT}.getFullYear()": 2009,
    f"{AT}.getHours()": 23,
    f"{AT}.getMinutes()": 31,
    f"{AT}.getMonth()": 1,
    f"{AT}.getSeconds()": 30,
    "timestamp('2009-02-13T23:31:20.123456789Z').getMilliseconds()": 123,
    f"{AT}.getDate('Australia/Sydney')": 14,
    f"{AT}.getDayOfMonth('+11:00')": 13,
    "timestamp('2009-02-13T02:00:00Z').getDayOfMonth('-02:30')": 11,
    "timestamp('2009-02-13T02:00:00Z').getDayOfMonth('America/St_Johns')": 11,
    f"{AT}.getHours('02:00')": 1,
    f"{AT}.getMinutes('Asia/Kathmandu')": 16,
    f"{AT}.getSeconds('-00:00')": 30,
    f"{AT} == {AT}": True,
    f"{AT} + duration('240s') == timestamp('2009-02-13T23:35:30Z')": True,
    f"duration('120s') + {AT} > {AT}": True,
    "timestamp('0001-01-01T00:00:01.000000001Z') + duration('-999999999ns') == timestamp('0001-01-01T00:00:00.000000002Z')": True,
    "timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z') == duration('120s')": True,
    "duration('900s') - duration('42s') == duration('858s')": True,
    "duration('1h') > duration('59m')": True,
    "-duration('1s') < duration('0')": True,
    "duration('10000s').getHours()": 2,
    "duration('3730s').getMinutes()": 62,
    "duration('3730s').getSeconds()": 3730,
    "duration('123.321456789s').getMilliseconds()": 321,
    "duration('-1.5s').getMilliseconds()": -500,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pair
        for table in (LOGIC, NUMBERS, COMPARISONS, TEXTS, LITERALS, LISTS, CONVERSIONS, TIMES)
        for pair in table.items()
        if pair[1] is not None
    ],
)
def test_an_expression_gives_what_cel_says(text: str, expected: object) -> None:
    outcome = value(text)
    assert (outcome.value, outcome.why) == (expected, "")
    assert type(outcome.value) is type(expected)


ERRORS = {
    "2 / 0 > 4 ? 'baz' : 'quux'": "divides by zero",
    "true && 1 / 0 != 0": "divides by zero",
    "1 / 0 != 0 || false": "divides by zero",
    "42 % 0": "remainder by zero",
    "9223372036854775807 + 1": "over its range",
    "-9223372036854775808 - 1": "over its range",
    "5000000000000000000 * 2": "over its range",
    "-(-9223372036854775808)": "over its range",
    "-9223372036854775808 / -1": "over its range",
    "int(1e99)": "over the range",
    "int(0.0 / 0.0)": "over the range",
    "int('12a')": "is no int",
    "int('9223372036854775808')": "over its range",
    "double('x')": "is no double",
    "bool('yes')": "is no bool",
    "[1, 2][2]": "no item 2",
    "[1, 2][-1]": "no item -1",
    "[1, 2, 3].exists(e, e / 0 == 17)": "divides by zero",
    "[1, 2, 3].all(e, e / 0 != 17)": "divides by zero",
    "[3, 2, 1, 0].exists_one(n, 12 / n > 1)": "divides by zero",
    "[2, 1, 0].map(n, 4 / n)": "divides by zero",
    "[3, 2, 1, 0].filter(n, 12 / n > 4)": "divides by zero",
    "timestamp('9999-12-31T23:59:59Z') + duration('1s')": "out of the range",
    "timestamp('0001-01-01T00:00:00Z') + duration('-1ns')": "out of the range",
    "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')": "out of range",
    "duration('9000000000s') + duration('9000000000s')": "out of range",
    "-(duration('-9223372036854775808ns'))": "out of range",
}


@pytest.mark.parametrize(("text", "why"), ERRORS.items())
def test_an_expression_has_no_value_where_cel_has_an_error(text: str, why: str) -> None:
    outcome = value(text)
    assert outcome.value is None
    assert why in outcome.why
    assert outcome.said == "error"


REFUSED = {
    "'less filling' && 'tastes great'": "it gives string, where a bool has to stand",
    "true ? 'cows' : 17": "it gives string or int",
    "'cows' ? false : true": "it gives string, where a bool has to stand",
    "!1": "it gives int, where a bool has to stand",
    "[1, 'foo', 3]": "the list has int before and string here",
    "-'a'": "`-` takes no string",
    "-true": "`-` takes no bool",
    "1 + 1.5": "`+` takes no int and double",
    "1.5 % 1.0": "`%` takes no double and double",
    "1 == 'a'": "int is not compared with string",
    "[1] < [2]": "list(int) has no order",
    "[[1]] == [[1.0]]": "list(list(int)) is not compared with list(list(double))",
    "timestamp('0000-01-01T00:00:00Z')": "it has no value",
    "timestamp('10000-01-01T00:00:00Z')": "it has no value",
    "timestamp('2009-02-30T00:00:00Z')": "it has no value",
    "duration('320000000000s')": "it has no value",
    "duration('1 hour')": "it has no value",
    f"{AT}.getHours('Mars/Base')": "it has no value",
    "42u": "it is no number",
    "b'abc'": "nothing may stand here",
    "{'a': 1}": "it has no meaning here",
    "null": "the word is reserved",
    "9223372036854775808": "over the range of int",
    "-9223372036854775809": "over the range of int",
    "1e999": "over the range of double",
    r"'\ud800'": "it is no escape",
    r"'\U00110000'": "it is no escape",
    r"'\400'": "it is no escape",
    "'a' in 'abc'": "nothing is in string",
    "'a'.matches('(?=a)')": "it is no RE2 pattern",
    r"'a'.matches(r'(a)\1')": "it is no RE2 pattern",
    "a ? b ? 1 : 2 : 3": "`:` has to stand here",
}


@pytest.mark.parametrize(("text", "wrong"), REFUSED.items())
def test_what_is_wrong_is_found_when_it_is_checked(text: str, wrong: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        expr.compile(text, ENV, "any")
    assert wrong in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("((" * 16 + "7" + "))" * 16, 7),
        (" || ".join(["false"] * 32 + ["true"]), True),
        (" && ".join(["true"] * 32 + ["false"]), False),
        ("3" + " - 3 + 3" * 16, 3),
        ("4" + " * 4 / 4" * 16, 4),
        ("!" * 32 + "true", True),
        ("-" * 32 + "19", 19),
        ("true ? true : " * 24 + "false", True),
        ("int(double(" * 6 + "7" + "))" * 6, 7),
        (f"[{', '.join(map(str, range(32)))}][17]", 17),
        ("[" * 12 + "'foo'" + "]" * 12 + "[0]" * 12, "foo"),
    ],
)
def test_what_every_implementation_has_to_support(text: str, expected: object) -> None:
    assert value(text).value == expected


KNOWN: dict[str, Value] = {
    "tools.count": 2,
    "context.share": 0.5,
    "tools.names": ("a", "search"),
    "text.language": "de",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tools.count", Outcome(value=2)),
        ("tools.count + 1", Outcome(value=3)),
        ("context.tokens + 1", Outcome(unknown=("context.tokens",))),
        ("context.tokens + tools.count / 0", Outcome(unknown=("context.tokens",))),
        ("has(context.tokens)", Outcome(value=False)),
        ("has(tools.count)", Outcome(value=True)),
        ("has(context.tokens) ? context.tokens : 0", Outcome(value=0)),
        ("context.tokens > 1 && tools.count == 3", Outcome(value=False)),
        ("context.tokens > 1 || tools.count == 2", Outcome(value=True)),
        ("context.tokens > 1 && code.present", Outcome(unknown=("code.present", "context.tokens"))),
        ("context.tokens > 1 && 1 / (tools.count - 2) > 0", Outcome(unknown=("context.tokens",))),
        ("tools.names.exists(n, n == 'search' || code.present)", Outcome(value=True)),
        ("tools.names.all(n, code.present)", Outcome(unknown=("code.present",))),
        ("tools.names.filter(n, n.size() > 1)", Outcome(value=("search",))),
        ("tools.names.map(n, n.size())", Outcome(value=(1, 6))),
        ("'search' in tools.names", Outcome(value=True)),
        ("size(tools.names) == tools.count", Outcome(value=True)),
        ("header.`x-team` == 'ops'", Outcome(unknown=("header.x-team",))),
        ("context.share < tools.count", Outcome(value=True)),
        ("(code.present ? 1 : 2) > 0", Outcome(unknown=("code.present",))),
    ],
)
def test_facts_are_looked_up_and_may_be_unknown(text: str, expected: Outcome) -> None:
    assert value(text, KNOWN) == expected
