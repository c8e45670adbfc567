"""A made cluster that is looked at, once as our own broker and once as another."""

import pytest

from tests.support.watched import Watch


@pytest.fixture(params=[True, False], ids=["bundled", "other"])
def watch(request: pytest.FixtureRequest) -> Watch:
    """Over our own broker, whose append times count, and over another, whose records' do."""
    return Watch(bundled=request.param)
