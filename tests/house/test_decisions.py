"""Every decision record is found from the index, and the index names no other."""

import re

from tests.support.tools import ROOT

ADR = ROOT / "docs" / "adr"


def test_the_index_lists_every_decision_in_order_with_its_title() -> None:
    titles = {
        path.name: path.read_text().splitlines()[0].removeprefix(f"# {path.name[:4]} ")
        for path in sorted(ADR.glob("0*.md"))
    }

    told = re.findall(r"^- \[\d{4}\]\((.+?)\) (.+)$", (ADR / "README.md").read_text(), re.MULTILINE)

    assert told == list(titles.items())
