"""The `footfall` command: reads arguments, calls one file of footfall/commands, gives exit codes.

Exit codes: 0 done, 1 it could not be done, 2 wrong arguments, 78 settings cannot be used.
The commands are imported when they are called, so that `footfall --help` answers at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from footfall.config import DemoConfig, settings_file
from footfall.console import command
from footfall.data_dir import StartRefused
from footfall.roles import addresses, chosen
from footfall.settings import EXIT_CONFIG, CommonConfig, SettingsError, load, peek

if TYPE_CHECKING:
    from tracker.config import KafkaConfig


def _group(name: str, help_text: str) -> typer.Typer:
    group = typer.Typer(help=help_text, no_args_is_help=True)
    app.add_typer(group, name=name)
    return group


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
site_app = _group("site", "Manage the sites that are counted.")
topic_app = _group("topic", "Manage topics.")
group_app = _group("group", "Show consumer groups and their lag.")
import_app = _group("import", "Import data recorded elsewhere.")

Config = Annotated[
    Path | None, typer.Option(help="Settings file. Default: ./footfall.toml, if it exists.")
]
DataDir = Annotated[
    Path | None, typer.Option(help="Directory for all state, instead of data_dir in [footfall].")
]
console = Console()


@contextmanager
def _kafka(config: Path | None) -> "Iterator[KafkaConfig]":
    """How the broker is reached; whatever fails within is told where it was looked for."""
    from tracker.config import load_kafka

    path = settings_file(config)
    found = load_kafka(path)
    try:
        yield found
    except Exception as error:
        error.add_note(f"at {found.bootstrap_servers}, as {path or 'the default'} says")
        raise


def _cluster(path: Path | None, name: str) -> "tuple[str, KafkaConfig]":
    """A cluster of the settings and how it is reached; without a name that of [kafka]."""
    from footfall.section_check import settings_of
    from tracker.config import load_kafka

    own = peek("dashboard", "cluster_name", "local", path)
    if name in ("", own):
        return own, load_kafka(path)
    known = settings_of("clusters", path)
    if name not in known:
        there = ", ".join([own, *known])
        raise SettingsError(f"there is no cluster {name!r} in the settings; known: {there}")
    return name, known[name]


def _ingest_origin(config: Path | None) -> str:
    (ingest,) = chosen(["ingest"])
    return f"http://{addresses(ingest, settings_file(config))[0]}"


def _script_origin(config: Path | None) -> str:
    """Where browsers fetch the script: through a proxy, or at the role itself."""
    return peek("dashboard", "tracker_url", "", settings_file(config)) or _ingest_origin(config)


def _pages_origin(config: Path | None) -> str:
    """Where browsers see the dashboard."""
    path = settings_file(config)
    (dashboard,) = chosen(["dashboard"])
    return peek("dashboard", "public_url", "", path) or f"http://{addresses(dashboard, path)[0]}"


def _tell_where(config: Path | None, site: str, period: str = "") -> None:
    address = f"{_pages_origin(config)}/activity?site={site.strip().lower()}{period}"
    console.print(f"see it at  {address}", markup=False, soft_wrap=True)


def _tell_version(wanted: bool) -> None:
    if wanted:
        console.print(f"footfall {metadata.version('footfall')}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Website activity tracking with a bundled Kafka-protocol broker."""


@app.command("up")
def up_command(config: Config = None, data_dir: DataDir = None) -> None:
    """Start all roles and keep them running until Ctrl-C.

    The roles are broker, ingest, aggregate, export and dashboard, or those that `roles` in [up]
    names.
    """
    from footfall.commands.up import up

    raise typer.Exit(up(settings_file(config), data_dir, console))


@app.command("demo")
def demo_command(config: Config = None) -> None:
    """Simulate visitors on a small site until Ctrl-C."""
    from footfall.commands.demo import checked_site, demo

    settings = load("demo", DemoConfig, settings_file(config))
    _tell_where(config, checked_site(settings), "&period=30m")
    with _kafka(config) as kafka:
        raise typer.Exit(demo(settings, kafka, _ingest_origin(config), console))


@app.command("doctor")
def doctor_command(config: Config = None, data_dir: DataDir = None) -> None:
    """Check everything and say what to do.

    Checks settings, disk, ports, roles, broker, segment files, databases, groups and sites.
    Exits with 1 if it finds a problem.
    """
    from footfall.commands.doctor import doctor

    raise typer.Exit(doctor(settings_file(config), data_dir, console))


@app.command("tail")
def tail_command(
    topic: str,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with the oldest record.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after this many records.")] = None,
    config: Config = None,
) -> None:
    """Print records of a topic as they arrive."""
    from footfall.commands.tail import tail

    with _kafka(config) as kafka:
        tail(kafka, topic, from_beginning, count, console)


@site_app.command("add")
def site_add(
    name: str,
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>", help="Host of its pages; may be repeated. Default: any host."
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Start counting a site, and print its script tag."""
    from footfall.commands import site

    with _kafka(config) as kafka:
        site.add(kafka, name, host or [], _script_origin(config), console)
    _tell_where(config, name)


@site_app.command("list")
def site_list(config: Config = None) -> None:
    """List the sites that are counted."""
    from footfall.commands import site

    with _kafka(config) as kafka:
        site.list_sites(kafka, console)


@site_app.command("remove")
def site_remove(name: str, config: Config = None) -> None:
    """Stop counting a site. Its events stay."""
    from footfall.commands import site

    with _kafka(config) as kafka:
        raise typer.Exit(0 if site.remove(kafka, name, console) else 1)


@topic_app.command("list")
def topic_list(
    internal: Annotated[
        bool, typer.Option("--internal", help="Show the broker's own topics too.")
    ] = False,
    config: Config = None,
) -> None:
    """List all topics with their partitions and records."""
    from footfall.commands import topic

    with _kafka(config) as kafka:
        topic.list_topics(kafka, internal, console)


@topic_app.command("describe")
def topic_describe(name: str, config: Config = None) -> None:
    """Show the partitions, offsets and settings of a topic."""
    from footfall.commands import topic

    with _kafka(config) as kafka:
        topic.describe_topic(kafka, name, console)


@topic_app.command("create")
def topic_create(
    name: str,
    partitions: Annotated[
        int, typer.Option(help="Number of partitions; -1: the broker's default.")
    ] = -1,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<str>", help="Topic setting, such as retention.ms=60000; may be repeated."
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Create a topic."""
    from footfall.commands import topic

    with _kafka(config) as kafka:
        topic.create(kafka, name, partitions, setting or [], console)


@topic_app.command("copy")
def topic_copy(
    name: str,
    *,
    to: Annotated[str, typer.Option(help="Name of the target topic. Default: the same name.")] = "",
    source: Annotated[
        str, typer.Option("--from", help="Cluster to read from, by its name in the settings.")
    ] = "",
    into: Annotated[
        str, typer.Option(help="Cluster to write to, by its name in the settings.")
    ] = "",
    anew: Annotated[bool, typer.Option("--anew", help="Start again from the beginning.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Copy the records of a topic to another topic or cluster.

    Copies the records that the topic has now. Run it again to continue where it stopped.
    """
    from footfall.commands import copy
    from tracker.topic_copy import Side

    path = settings_file(config)
    state = data_dir or Path(load("footfall", CommonConfig, path).data_dir)
    sides = (
        Side(*_cluster(path, source), name),
        Side(*_cluster(path, into), to or name),
    )
    raise typer.Exit(0 if copy.copy(*sides, state, anew, console) else 1)


@topic_app.command("delete")
def topic_delete(
    name: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    config: Config = None,
) -> None:
    """Delete a topic with all its records."""
    from footfall.commands import topic

    with _kafka(config) as kafka:
        topic.check_exists(kafka, name)
        if not yes and not typer.confirm(f"Delete topic {name} with all its records?"):
            console.print("nothing was deleted")
            raise typer.Exit(1)
        topic.delete(kafka, name, console)


@group_app.command("list")
def group_list(config: Config = None) -> None:
    """List all consumer groups with their members and lag."""
    from footfall.commands import group

    with _kafka(config) as kafka:
        group.list_groups(kafka, console)


@group_app.command("describe")
def group_describe(name: str, config: Config = None) -> None:
    """Show one group, partition by partition."""
    from footfall.commands import group

    with _kafka(config) as kafka:
        group.describe_group(kafka, name, console)


@import_app.command("access-log")
def import_access_log(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    site: Annotated[str, typer.Option(help="Site that the log belongs to.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Import a web server's log with its original times.

    Reads the Combined Log Format, plain or gzip. Run it again to continue where it stopped.
    """
    from footfall.commands.import_log import import_access_log

    raise typer.Exit(import_access_log(file, site, settings_file(config), data_dir))


def main() -> NoReturn:
    """Runs the command; a refusal is one line on standard error, never a traceback."""
    code = EXIT_CONFIG
    try:
        app()
        code = 0
    except SettingsError as error:
        _refuse(str(error))
    except StartRefused as error:
        _refuse(str(error))
        code = 1
    except Exception as error:
        if not _is_refusal(error):
            raise
        text = str(error).removesuffix(".")
        if _may_be_away(error):
            text = " ".join([text, *getattr(error, "__notes__", ())])
            text += f"; is Footfall running? `{command('doctor')}` checks everything"
        _refuse(text)
        code = 1
    raise SystemExit(code)


def _is_refusal(error: Exception) -> bool:
    """Whether the broker, and not a mistake of ours, made the command fail."""
    from tracker.kafka.admin import ClusterUnavailable
    from tracker.kafka.client import KafkaFailure
    from tracker.kafka.producer import NotStored
    from tracker.sites import SiteNameError

    return isinstance(error, KafkaFailure | NotStored | ClusterUnavailable | SiteNameError)


def _may_be_away(error: Exception) -> bool:
    """Whether the broker did not answer; a refusal that it gave says by itself what to do."""
    from tracker.kafka.client import KafkaFailure
    from tracker.sites import SiteNameError

    if isinstance(error, KafkaFailure):
        return error.retriable
    return not isinstance(error, SiteNameError)


def _refuse(text: str) -> None:
    errors = Console(stderr=True, soft_wrap=True)
    errors.print(f"footfall: {text}", style="red", markup=False, highlight=False)


if __name__ == "__main__":
    main()
