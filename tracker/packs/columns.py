"""Columns: of some visitors, who has which value, and how often; answered by counting bits.

A visitor of one UTC day is one row, a number from 0. A column tells of each value which rows have
it, and a whole number for each of them: the page views with it, milliseconds, millionths. A value
that many rows have is kept as bitmaps: bit r of the n-th one is binary digit n of row r's number.
So the sum over any choice of rows, itself a bitmap, is a few ANDs and counts of bits for thousands
of rows at a time. Values that few have are lists of rows, one after the other. Nothing is
estimated.

A row may have a value in events that are not counted: its number is 0 then, and it stands in `has`
or `also` alone.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, compress, pairwise
from operator import itemgetter, mul, sub
from typing import Any, Final

import lz4.block
import msgspec

ROWS_MAX: Final = 2**16  # row numbers are kept in two bytes
SPARSE_SHARE: Final = 512  # of rows, for each binary digit: fewer are summed sooner as a list
NUMBER_MAX: Final = 2**63 - 1

WIDTHS: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""Bytes of a number -> its array."""

Counts = Mapping[str, Mapping[int, int]]
"""Value -> row -> its number, not negative; a row with 0 has the value, and nothing is counted."""

lz4_block: Any = lz4.block
_DIGITS: Final = bytes.maketrans(b"01", b"\x00\x01")
_LETTERS: Final = bytes.maketrans(b"\x00\x01", b"01")


Sum = tuple[str, int, int]
"""A value, how many chosen rows have a number above 0 for it, and the sum of these."""


class Dense(msgspec.Struct, array_like=True, gc=False):
    """A value that many rows have; bitmaps are little-endian."""

    value: str
    has: bytes  # empty: those who have a digit
    digits: list[bytes]  # the lowest binary digit first


class Sparse(msgspec.Struct, array_like=True):
    """Values that few rows have, and their rows one value after the other, as arrays."""

    values: list[str]
    lengths: bytes  # "H": rows of each value with a number above 0
    rows: bytes  # "H"
    numbers: bytes  # the narrowest of WIDTHS that they fit in; empty: all are 1
    also_lengths: bytes  # "H": rows of each value with the number 0
    also: bytes  # "H"

    def sums(self, is_chosen: bytes) -> Iterable[Sum]:
        """`is_chosen` has a byte a row of the block, 1 or 0; empty: all are."""
        rows, numbers = array("H", self.rows), self.unpacked()
        ends = [*accumulate(array("H", self.lengths), initial=0)]
        marks = bytes(map(is_chosen.__getitem__, rows)) if is_chosen else b"\1" * len(rows)
        counts = totals = _between(marks, ends)
        if numbers:
            totals = _between(map(mul, numbers, marks), ends)
        return compress(zip(self.values, counts, totals, strict=True), counts)

    def sums_of(self, wanted: bytes, is_chosen: bytes) -> Iterator[Sum]:
        """Of some values; `wanted` has a byte a value, 1 or 0."""
        rows, numbers = array("H", self.rows), self.unpacked()
        ends = accumulate(array("H", self.lengths), initial=0)
        for value, (begin, end) in compress(zip(self.values, pairwise(ends), strict=True), wanted):
            mine = rows[begin:end]
            marks = bytes(map(is_chosen.__getitem__, mine)) if is_chosen else b"\1" * len(mine)
            count = marks.count(1)
            if count:
                yield value, count, sum(compress(numbers[begin:end], marks)) if numbers else count

    def who(self, wanted: bytes, size: int) -> int:
        """Bitmap of the rows of some values; `wanted` has a byte a value, 1 or 0."""
        marks = bytearray(size)
        for lengths, rows in ((self.lengths, self.rows), (self.also_lengths, self.also)):
            ends = accumulate(array("H", lengths), initial=0)
            of = array("H", rows)
            for begin, end in compress(pairwise(ends), wanted):
                for row in of[begin:end]:
                    marks[row] = 1
        return bits_of(bytes(marks))

    def unpacked(self) -> Sequence[int]:
        """The numbers of `rows`; none: all are 1."""
        if not self.numbers:
            return ()
        return array(WIDTHS[len(self.numbers) * 2 // len(self.rows)], self.numbers)


class Column(msgspec.Struct, array_like=True):
    """One dimension of one block of rows."""

    size: int  # rows of the block
    dense: list[Dense]
    sparse: Sparse

    def values(self) -> Iterator[str]:
        for dense in self.dense:
            yield dense.value
        yield from self.sparse.values

    def who(self, is_wanted: Callable[[str], bool]) -> int:
        """Bitmap of the rows that have a value that is wanted."""
        found = 0
        for dense in self.dense:
            if is_wanted(dense.value):
                found |= _union([dense.has] if dense.has else dense.digits)
        wanted = bytes(map(is_wanted, self.sparse.values))
        return found | self.sparse.who(wanted, self.size) if 1 in wanted else found

    def sums(self, chosen: int, is_wanted: Callable[[str], bool] | None = None) -> list[Sum]:
        """Of each value, or of those wanted, that a chosen row has a number above 0 for."""
        found = []
        for dense in self.dense:
            if is_wanted is None or is_wanted(dense.value):
                rows, total = _weighed(map(_int, dense.digits), chosen)
                if total:
                    found.append((dense.value, rows, total))
        if self.sparse.values:
            is_chosen = b""
            if chosen != (1 << self.size) - 1:
                is_chosen = marks_of(chosen, self.size)
            if is_wanted is None:
                found += self.sparse.sums(is_chosen)
            else:
                wanted = bytes(map(is_wanted, self.sparse.values))
                found += self.sparse.sums_of(wanted, is_chosen)
        return found

    def in_turn(self, wanted: str, choices: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Rows and sum of one value for one choice of rows after the other."""
        digits = next((one.digits for one in self.dense if one.value == wanted), None)
        if digits is not None:
            numbers = [*map(_int, digits)]
            yield from (_weighed(numbers, chosen) for chosen in choices)
        else:
            for chosen in choices:
                yield next((one[1:] for one in self.sums(chosen, wanted.__eq__)), (0, 0))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Column)


def bitmap(rows: Iterable[int]) -> int:
    """Bits of these rows."""
    found = 0
    for row in rows:
        found |= 1 << row
    return found


def bits_of(marks: bytes) -> int:
    """Bitmap of marks, a byte a row, 1 or 0."""
    return int(marks[::-1].translate(_LETTERS), 2) if marks else 0


def marks_of(rows: int, size: int) -> bytes:
    """A byte a row, 1 or 0, of a bitmap."""
    return format(rows, f"0{size}b")[::-1].encode().translate(_DIGITS)


def column_of(counts: Counts, size: int) -> Column:
    """A block of `size` rows, counted; it has at most ROWS_MAX."""
    few = {
        value: of
        for value, of in counts.items()
        if len(of) * SPARSE_SHARE < size * max(1, max(of.values()).bit_length())
    }
    dense = [_dense(value, numbers) for value, numbers in counts.items() if value not in few]
    return Column(size, dense, _sparse(few))


def encode(column: Column) -> bytes:
    """msgpack, packed by lz4."""
    packed: bytes = lz4_block.compress(_encoder.encode(column))
    return packed


def decode(packed: bytes) -> Column:
    return _decoder.decode(lz4_block.decompress(packed))


def _dense(value: str, numbers: Mapping[int, int]) -> Dense:
    digits: list[int] = []
    for row, number in numbers.items():
        while len(digits) < number.bit_length():
            digits.append(0)
        for place in range(number.bit_length()):
            if number >> place & 1:
                digits[place] |= 1 << row
    counted = 0
    for digit in digits:
        counted |= digit
    has = bitmap(numbers)
    return Dense(value, b"" if has == counted else _bytes(has), [_bytes(one) for one in digits])


def _sparse(counts: Counts) -> Sparse:
    rows, numbers, lengths = array("H"), array("Q"), array("H")
    also, also_lengths = array("H"), array("H")
    for of in counts.values():
        counted = {row: number for row, number in of.items() if number}
        rows.extend(counted)
        numbers.extend(counted.values())
        lengths.append(len(counted))
        also.extend(row for row, number in of.items() if not number)
        also_lengths.append(len(of) - len(counted))
    all_one = all(number == 1 for number in numbers)
    return Sparse(
        list(counts),
        lengths.tobytes(),
        rows.tobytes(),
        b"" if all_one else array(narrowest(max(numbers)), numbers).tobytes(),
        also_lengths.tobytes(),
        also.tobytes(),
    )


def narrowest(most: int) -> str:
    """The array of numbers up to `most` that takes the fewest bytes."""
    return next(code for width, code in WIDTHS.items() if most < 1 << 8 * width)


def _bytes(bits: int) -> bytes:
    return bits.to_bytes(-(-bits.bit_length() // 8), "little")


def _int(bits: bytes) -> int:
    return int.from_bytes(bits, "little")


def _between(numbers: Iterable[int], ends: Sequence[int]) -> Sequence[int]:
    """The sum of numbers from each end to the next one; there are two ends or more."""
    reached = itemgetter(*ends)([*accumulate(numbers, initial=0)])
    return [*map(sub, reached[1:], reached)]


def _weighed(digits: Iterable[int], chosen: int) -> tuple[int, int]:
    """How many chosen rows have a digit, and the sum of their numbers."""
    rows, total, weight = 0, 0, 1
    for digit in digits:
        here = digit & chosen
        rows |= here
        total += here.bit_count() * weight
        weight += weight
    return rows.bit_count(), total


def _union(bitmaps: Iterable[bytes]) -> int:
    found = 0
    for one in bitmaps:
        found |= _int(one)
    return found
