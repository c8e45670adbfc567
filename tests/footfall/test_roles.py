import subprocess
import sys
from pathlib import Path

import pytest

from footfall.roles import ROLES, Role, role_arguments


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_folders_where_the_user_stands_are_not_taken_for_our_code(
    role: Role, tmp_path: Path
) -> None:
    for package in ("broker", "tracker", "dashboard", "footfall"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('of another project')")
    arguments = role_arguments(role, None, tmp_path / "data")
    module = arguments[: arguments.index("--data-dir")]

    told = subprocess.run(
        [sys.executable, *module, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert told.returncode == 0, told.stderr
    assert "--data-dir" in told.stdout
