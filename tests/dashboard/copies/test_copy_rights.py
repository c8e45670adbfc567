"""Who may have records copied, and what of it who sees less is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from dashboard.actions.catalogue import ACTIONS
from dashboard.config import MaskConfig, RightsConfig
from dashboard.identity import Role
from dashboard.masking.rules import Masks
from dashboard.rights.rules import Rights, rights
from dashboard.web import Site
from tests.support.copies import keep_copies, made_copy
from tests.support.made_dashboard import Client, busy_cluster, made_state

pytestmark = pytest.mark.may_block  # the disk is measured

WISH = {"topic": "mine-2", "from_topic": "mine", "dry_run": True}


@pytest.fixture
def rules() -> Rights:
    who = ("role:editor",)
    made = {
        "mine": RightsConfig(who=who, topics="mine.*", actions=("*",)),
        "seen": RightsConfig(who=who, topics="seen", messages=False),
    }
    return rights(made, [action.name for action in ACTIONS])


@pytest.fixture
async def client(tmp_path: Path, rules: Rights) -> AsyncIterator[Client]:
    keep_copies(
        tmp_path,
        made_copy(1, "mine-2", "mine"),
        made_copy(2, "mine-3", "xyzzy"),
        made_copy(3, "xyzzy", "mine"),
    )
    masks = Masks({"people": MaskConfig(topics="mine", value=True)}, b"s")
    state = made_state(tmp_path, busy_cluster(), sign_in="on", rights=rules, masks=masks)
    state.household.accounts.first_password()
    token = state.household.accounts.add_token("ed", ("write",), 0)
    await state.poller(None).look()
    headers = {"Authorization": f"Bearer {token}"}
    async with TestClient(TestServer(Site(state).application()), headers=headers) as made:
        yield made


async def act(
    client: Client, wish: dict[str, object], name: str = "copy-records"
) -> tuple[int, str]:
    answer = await client.post(f"/api/v1/actions/{name}", json=wish)
    return answer.status, (await answer.json())["error"]


@pytest.mark.parametrize(
    "wish",
    [
        {"from_topic": "xyzzy"},
        {"from_topic": "seen"},  # not its messages
        {"from_topic": "mine", "topic": "xyzzy"},
        {"from_topic": "mine", "from_cluster": "elsewhere-xyzzy", "topic": "seen"},
    ],
)
async def test_records_one_may_not_read_or_write_are_not_copied(
    client: Client, wish: dict[str, object]
) -> None:
    status, said = await act(client, WISH | wish)
    one = {key: value for key, value in (WISH | wish).items() if key != "dry_run"}
    again = await act(client, one | {"from_partition": 0, "from_offset": 1}, "resend-record")

    assert (status, "No rule" in said) == (403, True)
    assert again == (status, said)


async def test_masks_are_not_gone_round_by_a_copy(client: Client) -> None:
    status, said = await act(client, WISH)

    assert status == 409
    assert "[masks.people] hides parts of mine, and not of mine-2" in said


async def test_copies_are_told_of_whose_both_topics_are_seen(client: Client) -> None:
    listed = await (await client.get("/api/v1/copies")).json()
    page = await (await client.get("/copies")).text()

    assert [one["number"] for one in listed] == [1]
    assert "mine-2" in page and "xyzzy" not in page


def test_an_editor_is_needed() -> None:
    needed = {one.name: one.role for one in ACTIONS if one.name in ("copy-records", "stop-copy")}

    assert set(needed.values()) == {Role.EDITOR}
