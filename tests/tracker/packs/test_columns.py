"""Sums over columns are those of the plain numbers, for any choice of rows."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.packs.columns import NUMBER_MAX, bitmap, column_of, decode, encode

SIZE = 1_500  # values of one and two rows are lists in a block of it

numbers = st.sampled_from([0, 1, 1, 2, 3, 300, 70_000, NUMBER_MAX])
counts = st.dictionaries(
    st.text(max_size=3),
    st.dictionaries(st.integers(0, SIZE - 1), numbers, min_size=1, max_size=12),
    max_size=8,
)
choices = st.sets(st.integers(0, SIZE - 1)).map(bitmap) | st.just((1 << SIZE) - 1)


@given(counts, choices)
def test_sums_agree_with_a_plain_count(found: dict[str, dict[int, int]], chosen: int) -> None:
    column = decode(encode(column_of(found, SIZE)))

    sums = column.sums(chosen)

    mine = {
        value: [number for row, number in of.items() if number and chosen >> row & 1]
        for value, of in found.items()
    }
    assert sorted(sums) == sorted((value, len(of), sum(of)) for value, of in mine.items() if of)
    for value in found:
        alone = column.sums(chosen, value.__eq__)
        assert alone == [one for one in sums if one[0] == value]
        assert [*column.in_turn(value, (0, chosen))] == [
            (0, 0),
            *(one[1:] for one in alone or [(value, 0, 0)]),
        ]


@given(counts, st.sets(st.text(max_size=3)))
def test_who_has_a_value_is_known_though_nothing_of_it_is_counted(
    found: dict[str, dict[int, int]], others: set[str]
) -> None:
    """Of one value, and of several, some of which nobody has."""
    column = decode(encode(column_of(found, SIZE)))

    assert {value: column.who(value.__eq__) for value in column.values()} == {
        value: bitmap(of) for value, of in found.items()
    }
    wanted = {*list(found)[::2], *others}
    rows = {row for value in wanted & found.keys() for row in found[value]}
    assert column.who(wanted.__contains__) == bitmap(rows)
