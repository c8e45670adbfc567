"""Settings: masks are listed, for administrators alone."""

import pytest

from dashboard.config import MaskConfig
from dashboard.identity import Identity, Role
from dashboard.masking.rules import Masks
from dashboard.pages import settings as page
from dashboard.render import Reader, Renderer
from dashboard.site_map import resolve
from dashboard.state import State

HIDES = MaskConfig(topics="eve.*", fields=("**.email",), pattern="[0-9]{13}", key=True)


@pytest.fixture
def settings() -> dict[str, object]:
    masks = {"people": HIDES, "typo": MaskConfig(topics="evnts", headers=("<b>",))}
    return {"masks": Masks(masks, b"secret")}


@pytest.mark.may_block
async def test_masks_tell_what_they_hide_and_of_how_many_topics(state: State) -> None:
    await state.poller(None).look()
    found, visit = resolve(state, "/settings", {})
    values = await page.values(visit)

    shown = [
        Renderer().whole(found, visit, values, Reader(Identity("ann", role), ""))
        for role in (Role.ADMIN, Role.EDITOR)
    ]

    assert "field **.email, whatever fits [0-9]{13}, the whole key" in shown[0]
    assert "header &lt;b&gt;" in shown[0]
    assert values["masked_topics"] == {"people": 1, "typo": 0}
    assert "eve.*" not in shown[1] and 'id="masks"' not in shown[1]
