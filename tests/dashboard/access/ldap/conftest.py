"""One real directory for the tests of a module: it starts in a tenth of a second."""

from collections.abc import Iterator

import pytest

from tests.support.slapd import Slapd, running_slapd


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """Nobody stops it; who wants to has one of his own."""
    with running_slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running
