"""Pipeline, brokers and settings as JSON: what their pages show, and no secret."""

import json
from dataclasses import replace

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from dashboard.api.appliance import BrokerTold, PipelineTold, SettingsTold
from dashboard.state import State
from dashboard.web import Site
from tests.support.made_dashboard import Client


async def test_the_pipeline_has_its_roles_stages_and_probe(client: Client) -> None:
    answer = await client.get("/api/v1/pipeline")
    told = msgspec.json.decode(await answer.read(), type=PipelineTold)

    assert answer.status == 200
    assert [stage.name for stage in told.stages] == ["in the log", "counted", "in the warehouse"]
    assert told.probe.lost == 0


async def test_a_broker_has_its_settings_and_their_source(client: Client, state: State) -> None:
    await state.poller(None).look()

    answer = await client.get("/api/v1/brokers/1")
    told = msgspec.json.decode(await answer.read(), type=BrokerTold)

    assert (answer.status, told.id) == (200, 1)
    assert [one.name for one in told.settings] == sorted(one.name for one in told.settings)
    assert told.settings


@pytest.mark.parametrize("name", ["7", "x", "-1"])
async def test_a_broker_that_is_not_there_is_not_found(
    client: Client, state: State, name: str
) -> None:
    await state.poller(None).look()

    assert (await client.get(f"/api/v1/brokers/{name}")).status == 404


@pytest.mark.may_block  # templates and static files are read when a site is made
async def test_settings_tell_of_secrets_only_that_they_are_set(state: State) -> None:
    config = replace(state.config, smtp_password="correct horse", environment="PROD")
    made: web.Application = Site(replace(state, config=config)).application()

    async with TestClient(TestServer(made)) as client:
        text = await (await client.get("/api/v1/settings")).text()
    told = msgspec.json.decode(text, type=SettingsTold)

    values = {one.name: one.value for one in told.settings}
    assert values["environment"] == "PROD"
    assert values["smtp_password"] == "set, not shown"
    assert "correct horse" not in text
    assert told.clusters == list(state.pollers)
    assert isinstance(json.loads(text)["users"], list)  # nobody signs in here: all are admins
