"""Lines of a child come through whatever it writes."""

from hypothesis import given
from hypothesis.strategies import binary, lists

from footfall.child import LINE_BYTES_MAX, LineSplitter


def split(chunks: list[bytes]) -> list[str]:
    found: list[str] = []
    splitter = LineSplitter(found.append)
    for chunk in chunks:
        splitter.feed(chunk)
    splitter.end()
    return found


@given(chunks=lists(binary(max_size=20)))
def test_lines_do_not_depend_on_how_the_bytes_arrive(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)

    found = split(chunks)

    assert found == split([whole])
    assert "\n".join(found).encode() == (
        b"\n".join(line.rstrip(b"\r") for line in whole.split(b"\n"))
        .decode(errors="replace")
        .removesuffix("\n")
        .encode()
    )


def test_a_last_line_without_an_end_is_heard() -> None:
    assert split([b"one\r\ntw", b"o"]) == ["one", "two"]


def test_an_endless_line_is_cut() -> None:
    found = split([b"x" * (3 * LINE_BYTES_MAX), b"y\nend\n"])

    assert all(len(line) <= LINE_BYTES_MAX for line in found)
    assert "".join(found) == "x" * (3 * LINE_BYTES_MAX) + "yend"
