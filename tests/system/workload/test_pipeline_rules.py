"""The judge of the pipeline is judged: each broken promise, made by hand, is found."""

from dataclasses import replace

import pytest

from tests.support.workload.pipeline_rules import Broken, Seen, check

SOUND = Seen(
    sent={"a", "b", "c", "d"},
    accepted={"a", "b"},
    on_topic={"a", "b", "c"},
    rows={"a": 1, "b": 1, "c": 1},
    counted=3,
    answers={202: 2, 503: 4, 0: 3},
)


def test_what_was_not_accepted_may_be_stored_or_not() -> None:
    assert list(check(SOUND)) == []


@pytest.mark.parametrize(
    ("wrong", "kinds"),
    [
        (replace(SOUND, on_topic={"a", "c"}), {Broken.NOT_ON_TOPIC}),
        (replace(SOUND, rows={"a": 1, "c": 1}, counted=2), {Broken.LOST}),
        (replace(SOUND, rows={"a": 1, "b": 2, "c": 1}), {Broken.TWICE}),
        (replace(SOUND, rows={**SOUND.rows, "x": 1}, counted=4), {Broken.INVENTED}),
        (replace(SOUND, counted=2), {Broken.MISCOUNTED}),
        (replace(SOUND, counted=4), {Broken.MISCOUNTED}),
        (replace(SOUND, answers={202: 2, 500: 1}), {Broken.ANSWER}),
        (replace(SOUND, refused_for_ever=1), {Broken.NO_RETRY_AFTER}),
    ],
)
def test_a_broken_promise_is_found(wrong: Seen, kinds: set[Broken]) -> None:
    assert {kind for kind, _ in check(wrong)} == kinds
