"""The `footfall` command: reads arguments, calls one file of footfall/commands, gives exit codes.

Exit codes: 0 done, 1 it could not be done, 2 wrong arguments, 78 settings cannot be used.
"""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from footfall.config import settings_file
from footfall.data_dir import StartRefused
from footfall.settings import EXIT_CONFIG, SettingsError

app = typer.Typer(
    help="Website activity tracking with a bundled Kafka-protocol broker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Config = Annotated[
    Path | None, typer.Option(help="Settings file; ./footfall.toml is read where it exists.")
]
DataDir = Annotated[Path | None, typer.Option(help="Directory of all state, over [footfall].")]


@app.command("up")
def up_command(config: Config = None, data_dir: DataDir = None) -> None:
    """Start broker, ingest, aggregate, export and dashboard, and keep them running."""
    from footfall.commands.up import up

    raise typer.Exit(up(settings_file(config), data_dir, Console()))


def main() -> NoReturn:
    """Runs the command; a refusal is one line on standard error, never a traceback."""
    errors = Console(stderr=True, soft_wrap=True)
    try:
        app()
    except SettingsError as error:
        errors.print(f"footfall: {error}", style="red", markup=False, highlight=False)
        raise SystemExit(EXIT_CONFIG) from None
    except StartRefused as error:
        errors.print(f"footfall: {error}", style="red", markup=False, highlight=False)
        raise SystemExit(1) from None
    raise SystemExit(0)


if __name__ == "__main__":
    main()
