"""The kept corpus, as it is and damaged, through every decoder that bytes of a client can reach."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.decoders import CORPUS, TARGETS
from tests.fuzz.frames import damaged

NAMES = sorted(TARGETS)


def corpus(name: str) -> list[Path]:
    return sorted((CORPUS / name).iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_is_decoded_or_refused(name: str) -> None:
    inputs = corpus(name)

    decoded = [TARGETS[name](path.read_bytes()) for path in inputs]

    assert len(inputs) >= 10
    assert any(decoded)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_damaged_inputs_of_the_corpus_are_decoded_or_refused(
    name: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(corpus(name)))
    seed = data.draw(st.integers(0, 2**32))

    assert TARGETS[name](damaged(path.read_bytes(), random.Random(seed))) in (True, False)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(name: str, data: bytes) -> None:
    assert TARGETS[name](data) in (True, False)
