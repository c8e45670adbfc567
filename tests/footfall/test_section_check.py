"""Every section of the settings is read before any role starts."""

from pathlib import Path

import pytest

from footfall.section_check import SETTINGS_OF, check_sections
from footfall.settings import SettingsError


def test_defaults_and_the_committed_file_are_fine() -> None:
    check_sections(None)
    check_sections(Path("footfall.toml"))


@pytest.mark.parametrize("section", sorted(SETTINGS_OF))
def test_an_unknown_key_of_any_role_is_named(tmp_path: Path, section: str) -> None:
    file = tmp_path / "footfall.toml"
    file.write_text(f"[{section}]\nno_such_key = 1\n")

    with pytest.raises(SettingsError, match=rf"'no_such_key' in \[{section}\]"):
        check_sections(file)
