"""README and docs/ lead somewhere: links, headings and commands that they name are there."""

import re
from pathlib import Path

import pytest
import typer

from footfall.__main__ import app
from tests.support.tools import ROOT

DOCUMENTS = sorted(
    [
        *(ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "broker" / "README.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
LINK = re.compile(r"\]\(([^)\s]+)\)|srcset=\"([^\"]+)\"|src=\"(docs/[^\"]+)\"")
COMMAND = re.compile(r"(?:^ {4}|`)footfall ((?:[a-z][a-z-]* ?)+)", re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: str(one.relative_to(ROOT)))
def test_links_of_a_document_lead_to_a_file_and_a_heading(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for groups in LINK.findall(text):
        target, _, anchor = "".join(groups).partition("#")
        if "://" in target:
            continue
        found = (document.parent / target).resolve() if target else document
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target}#{anchor}"


def known_commands() -> set[str]:
    """`topic list`, `up` ... as the command line has them."""
    found = {one.name or "" for one in app.registered_commands}
    for group in app.registered_groups:
        inner = group.typer_instance
        assert isinstance(inner, typer.Typer)
        found |= {f"{group.name} {one.name}" for one in inner.registered_commands}
    return found


def test_commands_that_documents_name_are_there() -> None:
    known = known_commands()
    groups = {one.split()[0] for one in known if " " in one}
    for document in DOCUMENTS:
        for words in COMMAND.findall(document.read_text()):
            parts = words.split()
            wanted = " ".join(parts[: 2 if parts[0] in groups else 1])
            fits = wanted in known or wanted in groups  # `footfall site` speaks of all of them
            assert fits, f"{document.name}: footfall {words}"


def test_every_command_stands_in_the_readme() -> None:
    told = (ROOT / "README.md").read_text()
    for command in known_commands():
        group, _, name = command.rpartition(" ")
        rows = [line for line in told.splitlines() if f"| `footfall {group or name}" in line]
        assert any(f"`{name}`" in row or f" {name}" in row for row in rows), command


def test_the_index_of_the_docs_names_every_guide() -> None:
    told = (ROOT / "docs" / "README.md").read_text()
    for guide in (ROOT / "docs").glob("*.md"):
        assert guide.name == "README.md" or f"]({guide.name})" in told, guide.name
