"""Expressions pick records, tell what they could not test, and cannot hurt who runs them."""

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dashboard.filters import child
from dashboard.filters.expressions import TOO_LARGE, Expressions, TooCostly, Unusable
from dashboard.filters.wire import LENGTH_MAX, Sample

PAID = b'{"kind": "paid", "amount": 12.5, "user": {"email": null}, "items": [{"sku": "A1"}]}'


@pytest.fixture(scope="module")
def expressions() -> Iterator[Expressions]:
    made = Expressions()
    yield made
    made.close()


def sample(
    value: bytes | None = PAID,
    key: bytes | None = b"eu-7",
    headers: tuple[tuple[str, str | None], ...] = (("kind", "x"),),
) -> Sample:
    return Sample(key, value, list(headers), 3, 41, 1_764_000_000_000)


@pytest.mark.parametrize(
    "expression",
    [
        "record.value.amount > 10 && record.value.kind == 'paid'",
        "record.value.amount == 12.5 && record.partition == 3 && record.offset == 41",
        "record.value.items.exists(i, i.sku.matches('^A[0-9]+$'))",
        "record.value.user.email == null",
        "has(record.value.user) && !has(record.value.user.name)",
        "record.headers.kind == 'x' && record.headers['kind'].size() == 1",
        "record.key == 'eu-7' && record.keyAsText.startsWith('eu-')",
        'record.valueAsText.contains(\'"kind": "paid"\')',
        "timestamp(record.timestampMs / 1000) > timestamp('2025-01-01T00:00:00Z')",
        "record.value.missing == 1 || record.partition == 3",  # as CEL says: the other side decides
        "'kind' in record.value",
    ],
)
def test_an_expression_sees_every_part_of_a_record(
    expressions: Expressions, expression: str
) -> None:
    assert expressions.test(expression, [sample()]).fitting == [True]
    assert expressions.test(f"!({expression})", [sample()]).fitting == [False]


def test_tombstones_and_texts_are_told_apart(expressions: Expressions) -> None:
    values = [sample(None), sample(b""), sample(b"plain"), sample(b"7")]

    none = expressions.test("record.value == null", values)
    text = expressions.test("record.value == 'plain'", values)
    number = expressions.test("record.value == 7", values)
    empty = expressions.test("record.valueAsText == ''", values)

    assert none.fitting == [True, False, False, False]
    assert text.fitting == [False, False, True, False]
    assert number.fitting == [False, False, False, True]
    assert empty.fitting == [True, True, False, False]


def test_keys_and_headers_that_are_null_are_not_those_that_are_empty(
    expressions: Expressions,
) -> None:
    both = [sample(key=None, headers=(("h", None),)), sample(key=b"", headers=(("h", ""),))]

    for part in ("record.key", "record.headers.h"):
        assert expressions.test(f"{part} == null", both).fitting == [True, False]
        assert expressions.test(f"{part} == ''", both).fitting == [False, True]


def test_what_it_fails_on_does_not_fit_and_is_counted_by_why(expressions: Expressions) -> None:
    values = [b'{"n": 1}', b'{"m": 1}', b'{"n": "text"}', b"[]", b'{"m": 2}', b'{"n": 9}']

    tested = expressions.test("record.value.n > 0", [sample(value) for value in values])

    assert tested.fitting == [True, False, False, False, False, True]
    assert tested.untested['no such field "n"'] == 2
    assert tested.untested["> does not go with string, int64"] == 1
    assert tested.untested.total() == 4


def test_text_is_searched_as_text_and_has_no_fields(expressions: Expressions) -> None:
    lines = [sample(b"ERROR at x"), sample(b"INFO"), sample(None)]

    found = expressions.test("record.value.contains('ERROR')", lines)
    asked = expressions.test("record.value.level == 'ERROR'", lines)
    indexed = expressions.test("record.value['level'] == 'ERROR'", lines[:1])
    within = expressions.test("'level' in record.value", lines[:1])

    assert found.fitting == [True, False, False]
    assert found.untested == Counter(
        {"contains does not go with null_type; record.valueAsText is always text": 1}
    )
    assert asked.untested == Counter(
        {
            "record.value is text and has no fields; record.valueAsText is all of it": 2,
            "a field is asked of what has none: text, a number, a list or null": 1,
        }
    )
    assert list(indexed.untested) == list(asked.untested)[:1]
    assert list(within.untested) == ["in needs a list, or an object, to its right"]


def test_sizes_are_compared_and_where_they_are_not_told_nothing_fits(
    expressions: Expressions,
) -> None:
    told = Sample(None, b"v", [], 0, 0, 0, 0, 12_000, 34)

    found = expressions.test("record.valueSize > 10000 && record.headersSize == 34", [told])
    hidden = expressions.test("record.valueSize > 10000", [sample()])

    assert found.fitting == [True]
    assert (hidden.fitting, hidden.untested.total()) == ([False], 1)


def test_an_answer_that_is_no_bool_is_counted_too(expressions: Expressions) -> None:
    tested = expressions.test("record.value", [sample(b"true"), sample(b"1")])

    assert tested.fitting == [True, False]
    assert tested.untested == Counter({"the result is of the type int, not a bool": 1})


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("record.value.", "column 14: Syntax error"),
        ("record.offset >", "column 16: Syntax error: something is missing at the end"),
        ("recrd.value == 1", "column 6: undeclared reference to 'recrd.value'"),
        ("value.contains('x')", "undeclared reference to 'value'; it is record.value"),
        ("headers.kind == 'x'", "undeclared reference to 'headers.kind'; it is record.headers"),
        ("record.size > 1", "'record.size'; there are record.key, record.keyAsText, "),
        ("record.partition ==\n 'x'", "column 18: found no matching overload"),
        ("true &&\n record.offzet == 1", "line 2, column 8: undeclared"),
        ("record.keyAsText", "of the type string, not true or false"),
        ("record.keyAsText.matches('(')", "regular expression: missing )"),
        ("", "column 1: "),
        ("x" * (LENGTH_MAX + 1), "more than 1000 letters"),
        ("(" * 300 + "true" + ")" * 300, "recursion"),
        ("record.value.x == 'ä\x00\udcff".encode(errors="replace").decode(), "Syntax error"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(
    expressions: Expressions, expression: str, fault: str
) -> None:
    with pytest.raises(Unusable) as refusal:
        expressions.check(expression)

    assert fault in str(refusal.value)
    assert "\n" not in str(refusal.value)


TEN = "[1,1,1,1,1,1,1,1,1,1]"
HUNDRED = f"[{','.join('1' * 99)}]"


@pytest.mark.parametrize(
    "expression",
    [
        f"{HUNDRED}.all(x, {HUNDRED}.all(y, !record.valueAsText.matches('(a|b|ab)*c')))",
        f"[[1]]{'.map(a,[a,a])' * 25}.exists(a, a == a)",
    ],
)
def test_one_that_would_take_minutes_is_given_up_after_a_second_of_work(
    expressions: Expressions, expression: str
) -> None:
    long = [sample(b"a" * 1_000_000)]

    with pytest.raises(TooCostly, match="took more than 1 s for 1 records"):
        expressions.test(expression, long)

    assert expressions.test("true", [sample()]).fitting == [True]  # the next one is served


def test_one_that_would_take_all_memory_is_given_up(expressions: Expressions) -> None:
    lists = f"[record.valueAsText{'.size() > 0' * 0}]" + ".map(a, a + a)" * 12

    with pytest.raises(TooCostly, match="took"):
        expressions.test(f"{lists}[0].matches('b')", [sample(b"a" * 900_000)])

    assert expressions.test("true", [sample()]).fitting == [True]


def test_regular_expressions_do_not_backtrack(expressions: Expressions) -> None:
    began_s = time.process_time()

    tested = expressions.test(
        "record.valueAsText.matches('^(a+)+$')", [sample(b"a" * 5_000 + b"!")]
    )

    assert tested.fitting == [False]
    assert time.process_time() - began_s < 1


def test_records_that_are_too_large_are_passed_over_and_counted(expressions: Expressions) -> None:
    records = [sample(), sample(b"x" * 1_100_000), sample()]

    tested = expressions.test("record.partition == 3", records)

    assert tested.fitting == [True, False, True]
    assert tested.untested == Counter({TOO_LARGE: 1})


def test_many_large_records_are_tested_in_several_turns(expressions: Expressions) -> None:
    records = [sample(b'"' + b"x" * 1_000_000 + b'"')] * 20

    assert expressions.test("record.value.size() == 1000000", records).fitting == [True] * 20


def test_numbers_beyond_64_bits_do_not_end_the_search(expressions: Expressions) -> None:
    tested = expressions.test("record.value.n > 0", [sample(b'{"n": 1%s}' % (b"0" * 40)), sample()])

    assert tested.fitting == [False, False]
    assert tested.untested.total() == 2


def children() -> list[psutil.Process]:
    return [
        one for one in psutil.Process().children() if "dashboard.filters.child" in one.cmdline()
    ]


def test_a_child_that_is_killed_is_replaced_and_its_question_refused() -> None:
    before = {one.pid for one in children()}
    own = Expressions()
    own.check("true")
    (running,) = [one for one in children() if one.pid not in before]
    running.send_signal(signal.SIGKILL)  # as the kernel does when memory is short

    with pytest.raises(TooCostly, match="too much memory"):
        own.test("true", [sample()])
    tested = own.test("true", [sample()])
    own.close()

    assert tested.fitting == [True]
    assert {one.pid for one in children()} <= before


def test_a_child_that_cannot_run_is_told_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "dashboard"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit(3)")  # an installation that is broken
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    own = Expressions()

    with pytest.raises(TooCostly, match=r"ended with exit code 3$"):
        own.check("true")

    own.close()


def test_a_child_that_nobody_asked_for_long_is_replaced_unnoticed() -> None:
    ours, theirs = socket.socketpair()
    served = threading.Thread(target=child.serve, args=(theirs, 0.01))

    served.start()
    served.join(20)

    assert not served.is_alive()  # the process ends, and the next question starts another
    ours.close()
    theirs.close()


def test_without_an_expression_nothing_is_started() -> None:
    before = len(children())

    Expressions().close()

    assert len(children()) == before
