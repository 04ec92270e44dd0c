"""The grammar of queries: golden trees, precedence, and errors that point at the character and say what to do."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.queries.faults import QueryError
from pipelines.queries.parser import MAX_DEPTH, MAX_TERMS, MAX_VALUES, expected_after, parse, parse_query
from pipelines.queries.syntax import (
    And,
    Comparison,
    Condition,
    Contains,
    In,
    Is,
    Modulo,
    Not,
    Number,
    Operand,
    Or,
    Path,
    Sum,
    Text,
    Within,
)


def shown(tree: Condition | Operand) -> str:  # noqa: C901, PLR0911, PLR0912 - one for each node
    """A tree in one line, with all its parentheses."""
    match tree:
        case And(conditions=conditions):
            return f"({' & '.join(map(shown, conditions))})"
        case Or(conditions=conditions):
            return f"({' | '.join(map(shown, conditions))})"
        case Comparison(left=left, comparator=comparator, right=right):
            return f"{shown(left)}{comparator}{shown(right)}"
        case In(operand=operand, values=values):
            return f"{shown(operand)} one of [{', '.join(map(shown, values))}]"
        case Is(path=path, missing=missing):
            return f"{shown(path)} {'missing' if missing else 'present'}"
        case Contains(path=path, text=text):
            return f"{shown(path)} contains {shown(text)}"
        case Not(condition=condition):
            return f"!{shown(condition)}"
        case Within(path=path, box=box):
            return f"{shown(path)} in {[number.value for number in box]}"
        case Path(parts=parts):
            return ".".join(repr(part.text) if part.quoted else part.text for part in parts)
        case Text(text=text):
            return repr(text)
        case Number(value=value):
            return repr(value)
        case Sum(terms=terms):
            return f"[{' '.join(sign + shown(term) for sign, term in terms)}]"
        case Modulo(operand=operand, divisor=divisor):
            return f"[{shown(operand)} % {divisor.value}]"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("metadata.frame_number % 5 = 0", "[metadata.frame_number % 5]=0"),
        ("annotations.truck + annotations.bus >= 5", "[+annotations.truck +annotations.bus]>=5"),
        ('metadata.r != "rejected" AND metadata.r != "accepted"', "(metadata.r!='rejected' & metadata.r!='accepted')"),
        ("a = 1 AND b = 2 OR c = 3 AND d = 4", "((a=1 & b=2) | (c=3 & d=4))"),
        ("a = 1 AND (b = 2 OR c = 3) AND d = 4", "(a=1 & (b=2 | c=3) & d=4)"),
        ("a + b % 5 - 2 = c", "[+a +[b % 5] -2]=c"),
        ("(a + b) % 5 = -1", "[[+a +b] % 5]=-1"),
        ("((a)) - -3 = 1e3", "[+a --3]=1000.0"),
        ("(a + 1 = 2)", "[+a +1]=2"),
        ('annotations."traffic light".color = yellow', "annotations.'traffic light'.color=yellow"),
        ('metadata."a.b" = "x"', "metadata.'a.b'='x'"),
        ("metadata.d > 2021-01-01", "metadata.d>'2021-01-01'"),
        ("metadata.d > 2021-01-01T10:00:00.5Z", "metadata.d>'2021-01-01T10:00:00.5Z'"),
        ("metadata.y = 2021 - 01", "metadata.y=[+2021 -1]"),
        ("metadata.2nd = 2nd", "metadata.2nd=2nd"),
        ("metadata.AND = ANDROID OR metadata.OR = ORANGE", "(metadata.AND=ANDROID | metadata.OR=ORANGE)"),
        ("metadata . é\n=\t日本", "metadata.é=日本"),
        (r'a = "\"\\\/\n\u00e9\ud83d\ude00"', "a='\"\\\\/\\né😀'"),
        ('a = "two\nlines"', "a='two\\nlines'"),
        ("location WITHIN (-1.5, 170, 3, -170)", "location in [-1.5, 170, 3, -170]"),
        ("NOT a = 1 AND b = 2 OR c = 3", "((!a=1 & b=2) | c=3)"),
        ("NOT NOT NOT (a = 1 AND b = 2)", "!(a=1 & b=2)"),
        (
            'metadata.a IN (IS, "two words", -1.5, 2021-01-01)',
            "metadata.a one of [IS, 'two words', -1.5, '2021-01-01']",
        ),
        ("a % 3 IN (0, 1)", "[a % 3] one of [0, 1]"),
        ("metadata.IN = IN AND metadata.NOT IS MISSING", "(metadata.IN=IN & metadata.NOT missing)"),
        ("metadata.IS IS PRESENT OR a CONTAINS CONTAINS", "(metadata.IS present | a contains CONTAINS)"),
        ("metadata.country = IS", "metadata.country=IS"),
        ("a = 9223372036854775808", "a=9223372036854775808"),
        ("a = 1234567890123456789012345678901", "a=1.2345678901234568e+30"),
    ],
)
def test_what_is_written_is_read(text: str, tree: str) -> None:
    assert shown(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "at", "expected", "advice"),
    [
        ("", 0, "expected a field or a value, got the end", "write a condition"),
        ("metadata.", 9, "expected a name, got the end", "after the dot"),
        ("metadata.a", 10, "expected one of = != < <= > >=, got the end", "compare it"),
        ("metadata.a =", 12, "expected a field or a value, got the end", "a number, a date, a word"),
        ("metadata.a == 3", 12, "expected a field or a value, got =", "write one of ="),
        ("metadata.a <> 3", 12, "expected a field or a value, got >", "write one of ="),
        ("metadata.a = 3 and b = 4", 15, "expected AND, OR or the end, got and", "AND in capitals"),
        ("metadata.a = 3 && b = 4", 15, "got &", "write AND"),
        ('metadata.a = "x', 13, "expected a closing quote", "at the end of the text"),
        ("metadata.a = 'x'", 13, "got '", "double quotes"),
        ("metadata.a = two words", 17, "got words", '"two words"'),
        ("(metadata.a = 3", 15, "expected AND, OR or ), got the end", "close the parenthesis"),
        ("metadata.a = 3)", 14, "expected AND, OR or the end, got )", "AND or OR between"),
        ("location WITHIN (1, 2, 3)", 24, "expected a comma, got )", "four numbers"),
        ("location WITHIN (1, 2, 3, x)", 26, "expected a number, got x", "four numbers"),
        ("location WITHIN (1, -x", 21, "expected a number, got x", "four numbers"),
        ("metadata.a IN ()", 15, "expected a value, got )", "commas between: path IN"),
        ("metadata.a IN (1, )", 18, "expected a value, got )", "commas between: path IN"),
        ("metadata.a CONTAINS ", 20, "expected a value, got the end", 'CONTAINS "..."'),
        ("SAMPLE -1", 7, "expected a number, got -", "such as SAMPLE 100"),
        ("metadata.a % -x = 1", 14, "expected a number, got x", "a number after %"),
        ("metadata.a % 0 = 1", 13, "expected a divisor other than 0", "another number"),
        (r'metadata.a = "a\x"', 15, r"expected an escape, got \x", "for a backslash"),
        (r'metadata.a = "\ud800"', 13, "expected a pair of surrogates", "the character itself"),
        ("not metadata.a = 3", 0, "got metadata", "NOT in capitals"),
        ("metadata.a in (1, 2)", 11, "got in", "IN in capitals"),
        ("metadata.a IN 1", 14, "expected (, got 1", "in parentheses"),
        ("metadata.a IN (1 2)", 17, "expected a comma or ), got 2", "commas between the values"),
        ("metadata.a NOT IN (1)", 11, "got NOT", "NOT before the whole condition"),
        ("metadata.a IS", 13, "expected MISSING or PRESENT, got the end", "IS MISSING"),
        ("metadata.a = 1 ORDER metadata.b", 15, "got ORDER", "ORDER BY path"),
        ("metadata.a = 1 SAMPLE 2.5", 22, "a whole number after SAMPLE", "SAMPLE 100"),
        (f"a IN ({', '.join(['1'] * (MAX_VALUES + 1))})", 6, "at most 10000 values", "split the list up"),
        ("metadata.a * 2 = 3", 11, "got *", "no multiplication"),
        ("metadata.a = 1\n  AND metadata.b ~ 3", 32, "got ~", "no patterns"),
        ("metadata.a = \udcff", 13, "expected UTF-8", "encoding of the terminal"),
        ("metadata.a = 1e999", 13, "within the range of double", "smaller"),
        ("a = " + "(" * (MAX_DEPTH + 1), 4 + MAX_DEPTH, "at most 100 parentheses", "take some away"),
        (" + ".join(["a"] * (MAX_TERMS + 1)) + " = 1", 0, "at most 100 terms", "split it up"),
    ],
)
def test_an_error_points_at_the_character_and_says_what_to_do(text: str, at: int, expected: str, advice: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    message, *_, carets, last = str(caught.value).split("\n")
    assert caught.value.position == at
    assert expected in message
    assert message.endswith(f"at character {at + 1}")
    assert set(carets.strip()) == {"^"}
    assert advice in last


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a = 1 x", ["  a = 1 x", "        ^"]),
        ("a = 日本 x", ["  a = 日本 x", "           ^"]),
        ("a = 1\nAND b ! 2", ["  AND b ! 2", "        ^"]),
        ('a\t= "\x1b" x', ['  a = " " x', "          ^"]),
        (f"{'a = 1 AND ' * 20}b c", [f"  …{('a = 1 AND ' * 20 + 'b ')[-50:]}c", f"  {' ' * 51}^"]),
    ],
)
def test_the_caret_stands_below_what_it_points_at(text: str, lines: list[str]) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert str(caught.value).split("\n")[1:3] == lines


@pytest.mark.parametrize(
    ("text", "order", "sample"),
    [
        ("metadata.a = 1 ORDER BY metadata.b DESC SAMPLE 5", ("metadata.b", True), 5),
        ("ORDER BY scene.metadata.BY ASC", ("scene.metadata.BY", False), None),
        ("SAMPLE 0", None, 0),
        ("metadata.a = ORDER ORDER\nBY metadata.ORDER", ("metadata.ORDER", False), None),
        ("metadata.a = SAMPLE", None, None),
    ],
)
def test_order_and_sample_stand_behind_the_conditions(
    text: str, order: tuple[str, bool] | None, sample: int | None
) -> None:
    query = parse_query(text)
    assert (None if query.order is None else (shown(query.order.path), query.order.descending)) == order
    assert query.sample == sample


@pytest.mark.parametrize(
    ("text", "position", "length", "hints"),
    [
        ("metadata.a = 3 and b = 4", 15, 3, ["AND"]),
        ("not a = 3", 0, 3, ["NOT"]),
        ("é IS missing", 5, 7, ["MISSING"]),
        ("a IS NOT MISSING", 5, 11, ["PRESENT"]),
        ("a IS not  present AND b = 1", 5, 12, ["MISSING"]),
        ("a IS null", 5, 4, ["MISSING"]),
        ("a IS NOT NULL OR b = 1", 5, 8, ["PRESENT"]),
        ("a IS NOT nullable", 5, 3, []),
        ("a = 3 ORDER BY b desc", 17, 4, ["DESC"]),
        ("a =", 3, 0, []),
    ],
)
def test_a_mistake_is_data_for_programs(text: str, position: int, length: int, hints: list[str]) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    document = caught.value.document
    assert (document["position"], document["length"], document["hints"]) == (position, length, hints)
    assert "\n" not in document["message"]
    if hints:
        assert expected_after(text[:position]) is not None


TOKENS = ["a", ".", '"', "=", "(", ")", "%", "+", "-", "<", ">", "!", "AND", "OR", "1", "WITHIN", ",", '"x"']


@given(st.text(max_size=40) | st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join))
def test_any_text_is_a_query_or_says_where_it_is_none(text: str) -> None:
    with suppress(QueryError):
        parse(text)
        return
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert 0 <= caught.value.position <= len(text)
    assert len(str(caught.value).split("\n")) == 4


@given(st.text())
def test_any_text_can_be_written_in_quotes(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    tree = parse(f'metadata."{escaped}" = "{escaped}"')
    assert isinstance(tree, Comparison)
    assert tree.right == Text(text, tree.right.span)
    assert isinstance(tree.left, Path)
    assert tree.left.parts[1].text == text
