"""Funnels over paths are those of walking through what each visitor did."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tracker.packs.columns import bitmap
from tracker.packs.paths import decode, encode, is_prefix, paths_of, thing_of

THINGS = ["/", "/a", "/a/b", "/*", "Signup", "sign*"]
STEPS = ["/", "/a", "/a*", "/*", "Signup", "sign*", "nothing"]

slots = st.sets(st.sampled_from(THINGS), max_size=2)
"""What was done at one time."""
rows = st.lists(st.lists(slots, max_size=6), max_size=12)


def fits(thing: str, step: str) -> bool:
    return thing.startswith(step[:-1]) if is_prefix(step) else thing == step


def walked(row: Sequence[set[str]], steps: Sequence[str]) -> int:
    """How many of the steps a visitor took: each at the first time that it can be."""
    at, taken, before = 0, 0, None
    for step in steps:
        if step == before:
            at += 1
        while at < len(row) and not any(fits(thing, step) for thing in row[at]):
            at += 1
        if at >= len(row):
            break
        taken, before = taken + 1, step
    return taken


@given(rows, st.lists(st.sampled_from(STEPS), min_size=1, max_size=5), st.sets(st.integers(0, 11)))
def test_a_funnel_is_what_each_visitor_did_in_this_order(
    found: list[list[set[str]]], steps: list[str], chosen: set[int]
) -> None:
    guards: list[int] = []
    done: dict[str, list[int]] = {}
    slot = 0
    for row in found:
        for things in row:
            for thing in things:
                done.setdefault(thing, []).append(slot)
            slot += 1
        guards.append(slot)
        slot += 1
    mine = [row for place, row in enumerate(found) if place in chosen]
    paths = decode(encode(paths_of(guards, done)))

    counts = paths.funnel(steps, bitmap(one for one in chosen if one < len(found)))

    reached = [walked(row, steps) for row in mine]
    assert counts == [sum(one >= number for one in reached) for number in range(1, len(steps) + 1)]


def test_pages_and_events_are_told_apart_by_their_first_letter() -> None:
    """As in the words of a funnel: what it cannot say is not kept."""
    assert thing_of("/docs", "pageview") == "/docs"
    assert thing_of(None, "Signup") == "Signup"
    assert thing_of(None, "/docs") is None
    assert thing_of("", "pageview") is None
