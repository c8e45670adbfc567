"""What must not lie around, and the promises that documents make about the tree."""

import re
from pathlib import Path

import pytest

from tests.support.tools import ROOT
from tests.support.tree import python_files, shown, tracked

TEXT = {".py", ".md", ".toml", ".sh", ".js", ".html", ".css", ".yml", ".yaml", ".json", ".xml", ""}
BANNED = re.compile(
    r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|raise NotImplemented" r"Error|# type: ignore$"
)
OF_A_MACHINE = re.compile(r"(?<![\w.])/(home/\w+|root/|Users/\w+|work/\w+)")
ADR_PARTS = ("Status: ", "Context: ", "Decision: ", "Consequences: ", "Kept by: ")


def texts() -> list[tuple[Path, str]]:
    return [
        (path, path.read_text(errors="replace"))
        for path in tracked()
        if path.suffix in TEXT and path.name not in ("LICENSE",)
    ]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path)}:{number} {line.strip()[:80]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_nothing_is_left_unfinished() -> None:
    assert lines_with(BANNED) == []


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    assert lines_with(OF_A_MACHINE) == []


def test_python_has_no_code_in_comments() -> None:
    code = re.compile(r"^\s*# (return |import |from \w+ import |def \w+\(|if .*:$|for .* in .*:$)")

    offenders = [
        f"{shown(path)}:{number} {line.strip()}"
        for path in python_files()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if code.match(line)
    ]

    assert offenders == []


def test_every_module_says_what_it_is_for() -> None:
    mute = [
        shown(path)
        for path in python_files("broker", "tracker", "dashboard", "footfall")
        if path.name != "__init__.py" and not path.read_text().startswith('"""')
    ]

    assert mute == []


def test_every_make_target_that_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {
        target
        for path, text in texts()
        if path.suffix == ".md"
        for target in re.findall(r"`make ([a-z]+)", text)
    }

    assert named <= targets
    assert {"up", "test", "check", "crash", "wire", "bench", "screenshots"} <= targets


def test_links_of_documents_lead_somewhere() -> None:
    broken = [
        f"{shown(path)} -> {target}"
        for path, text in texts()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
        if not (path.parent / target).exists()
    ]

    assert broken == []


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()

    versions = [line for line in lines if line.startswith("## ")]
    kinds = [line for line in lines if line.startswith("### ")]
    assert lines[0] == "# Changelog"
    assert versions[0] == "## [Unreleased]"
    assert all(re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", v) for v in versions[1:])
    assert {kind.removeprefix("### ") for kind in kinds} <= {
        "Added",
        "Changed",
        "Deprecated",
        "Removed",
        "Fixed",
        "Security",
    }


@pytest.mark.parametrize("part", ADR_PARTS)
def test_every_decision_record_has_all_its_parts(part: str) -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))

    assert [shown(path) for path in records if f"\n{part}" not in path.read_text()] == []


def test_decision_records_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_files_that_keep_a_decision_exist() -> None:
    """The `Kept by` line of a decision names what would fail if it were broken."""
    named = [
        (path, name)
        for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
        for line in path.read_text().splitlines()
        if line.startswith("Kept by: ")
        for name in re.findall(r"`([\w./-]+\.\w+)`", line)
    ]

    assert [f"{path.name} -> {name}" for path, name in named if not (ROOT / name).exists()] == []
    assert len(named) >= 10


@pytest.mark.parametrize("package", ["broker/server", "tracker/ingest/steps"])
def test_every_module_that_strangers_reach_is_tested_beside_its_mirror(package: str) -> None:
    modules = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    tests = [path.read_text() for path in (ROOT / "tests" / package).glob("test_*.py")]
    dotted = package.replace("/", ".")

    untested = {
        name
        for name in modules
        if not (ROOT / "tests" / package / f"test_{name}.py").exists()
        and not any(f"from {dotted}.{name} import" in text for text in tests)
    }

    assert untested == set()
