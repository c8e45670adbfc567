"""Settings of brokers changed through the API."""

import json
import logging

import pytest

from tests.support.dashboard_actions import WISHES, Asked
from tests.support.made_cluster import MadeCluster


async def test_a_brokers_settings_are_checked_by_it_before_they_change(
    asked: Asked, cluster: MadeCluster
) -> None:
    wish = WISHES["edit-broker-config"] | {"dry_run": True}

    _, body = await asked.act("edit-broker-config", wish)
    everywhere = await asked.act(
        "edit-broker-config",
        wish | {"broker": "default", "dry_run": False, "confirm": "default"},
    )
    unknown = await asked.act("edit-broker-config", wish | {"broker": "7"})

    assert "validate" in cluster.asked
    assert body["rows"] == [{"setting": "log.retention.ms", "before": "5", "after": "7"}]
    assert everywhere[0] == 200 and unknown[0] == 409
    assert cluster.changes == [("broker configs", "", {"log.retention.ms": "7"})]


async def test_a_brokers_secret_is_in_no_preview_no_answer_and_no_audit(
    asked: Asked, cluster: MadeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = {"ssl.keystore.password": "correct horse", "log.retention.ms": "7"}
    wish = WISHES["edit-broker-config"] | {"configs": secret}

    _, preview = await asked.act("edit-broker-config", wish | {"dry_run": True})
    _, done = await asked.act("edit-broker-config", wish)

    assert cluster.changes == [("broker configs", "1", secret)]
    assert "correct horse" not in json.dumps([preview, done]) + caplog.text
    assert '"log.retention.ms":"7"' in caplog.text
