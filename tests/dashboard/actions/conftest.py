"""Who asks for changes."""

import pytest

from tests.support.dashboard_actions import Asked
from tests.support.made_dashboard import Client


@pytest.fixture
def asked(client: Client) -> Asked:
    return Asked(client)
