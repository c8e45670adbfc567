"""A broker that asks for rights, and a connection to it; one that does not: tests/conftest.py."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.raw_client import RawClient
from tests.support.running_broker import RunningBroker, running_broker


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[RunningBroker]:
    """A broker that asks its access control entries; who is not authenticated is a super user."""
    settings: dict[str, Any] = {"authorizer_enabled": True, "super_users": "User:ANONYMOUS"}
    async with running_broker(tmp_path / "secured", **settings) as serving:
        yield serving


@pytest.fixture
async def admin(secured: RunningBroker) -> AsyncIterator[RawClient]:
    async with await RawClient.connect(secured.host, secured.port) as connected:
        yield connected
