"""The `footfall` command: reads arguments, calls one file of footfall/commands, gives exit codes.

Exit codes: 0 done, 1 it could not be done, 2 wrong arguments, 78 settings cannot be used.
The commands are imported when they are called, so that `footfall --help` answers at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from footfall.config import DemoConfig, settings_file
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
    help="Website activity tracking with a bundled Kafka-protocol broker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
site_app = _group("site", "Which sites are counted.")
topic_app = _group("topic", "Topics of the broker.")
group_app = _group("group", "Consumer groups and their lag.")
import_app = _group("import", "Bring in what was recorded elsewhere.")

Config = Annotated[
    Path | None, typer.Option(help="Settings file; ./footfall.toml is read where it exists.")
]
DataDir = Annotated[
    Path | None, typer.Option(help="Directory of all state, instead of data_dir in [footfall].")
]
console = Console()


def _kafka(config: Path | None) -> "KafkaConfig":
    from tracker.config import load_kafka

    return load_kafka(settings_file(config))


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
        raise SettingsError(f"there is no cluster {name!r} in the settings, only {there}")
    return name, known[name]


def _ingest_origin(config: Path | None) -> str:
    (ingest,) = chosen(["ingest"])
    return f"http://{addresses(ingest, settings_file(config))[0]}"


@app.command("up")
def up_command(config: Config = None, data_dir: DataDir = None) -> None:
    """Start broker, ingest, aggregate, export and dashboard, and keep them running."""
    from footfall.commands.up import up

    raise typer.Exit(up(settings_file(config), data_dir, console))


@app.command("demo")
def demo_command(config: Config = None) -> None:
    """Serve a small site and play visitors on it, until Ctrl-C."""
    from footfall.commands.demo import demo

    settings = load("demo", DemoConfig, settings_file(config))
    raise typer.Exit(demo(settings, _kafka(config), _ingest_origin(config), console))


@app.command("doctor")
def doctor_command(config: Config = None, data_dir: DataDir = None) -> None:
    """Look at settings, disk, ports, roles, broker and lag; say what to do."""
    from footfall.commands.doctor import doctor

    raise typer.Exit(doctor(settings_file(config), data_dir, console))


@app.command("tail")
def tail_command(
    topic: str,
    from_beginning: Annotated[bool, typer.Option(help="Start with the oldest record.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many records.")] = None,
    config: Config = None,
) -> None:
    """Print the records that arrive on a topic, until Ctrl-C."""
    from footfall.commands.tail import tail

    tail(_kafka(config), topic, from_beginning, count, console)


@site_app.command("add")
def site_add(
    name: str,
    host: Annotated[
        list[str] | None, typer.Option(help="Host its pages come from; any if not given.")
    ] = None,
    config: Config = None,
) -> None:
    """Count this site from now on, and show the script tag for its pages."""
    from footfall.commands import site

    site.add(_kafka(config), name, host or [], _ingest_origin(config), console)


@site_app.command("list")
def site_list(config: Config = None) -> None:
    """All sites that are counted."""
    from footfall.commands import site

    site.list_sites(_kafka(config), console)


@site_app.command("remove")
def site_remove(name: str, config: Config = None) -> None:
    """Count this site no longer; what was counted stays."""
    from footfall.commands import site

    raise typer.Exit(0 if site.remove(_kafka(config), name, console) else 1)


@topic_app.command("list")
def topic_list(
    internal: Annotated[bool, typer.Option(help="Show the broker's own topics too.")] = False,
    config: Config = None,
) -> None:
    """All topics, with partitions and records."""
    from footfall.commands import topic

    topic.list_topics(_kafka(config), internal, console)


@topic_app.command("describe")
def topic_describe(name: str, config: Config = None) -> None:
    """Partitions, offsets and settings of a topic."""
    from footfall.commands import topic

    topic.describe_topic(_kafka(config), name, console)


@topic_app.command("create")
def topic_create(
    name: str,
    partitions: Annotated[int, typer.Option(help="-1: the broker's default.")] = -1,
    setting: Annotated[
        list[str] | None, typer.Option(help="Such as retention.ms=60000; may be repeated.")
    ] = None,
    config: Config = None,
) -> None:
    """Make a topic."""
    from footfall.commands import topic

    topic.create(_kafka(config), name, partitions, setting or [], console)


@topic_app.command("copy")
def topic_copy(
    name: str,
    *,
    to: Annotated[str, typer.Option(help="Name of the copy; the same if not given.")] = "",
    source: Annotated[str, typer.Option("--from", help="Cluster of the settings to read.")] = "",
    into: Annotated[str, typer.Option(help="Cluster of the settings to write to.")] = "",
    anew: Annotated[bool, typer.Option(help="From the beginning, not where it stopped.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Copy the records that a topic has now; the same command goes on where it stopped."""
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
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
) -> None:
    """Delete a topic with all its records."""
    from footfall.commands import topic

    kafka = _kafka(config)
    topic.check_exists(kafka, name)
    if not yes and not typer.confirm(f"Delete topic {name} with all its records?"):
        console.print("nothing was deleted")
        raise typer.Exit(1)
    topic.delete(kafka, name, console)


@group_app.command("list")
def group_list(config: Config = None) -> None:
    """All consumer groups, with members and lag."""
    from footfall.commands import group

    group.list_groups(_kafka(config), console)


@group_app.command("describe")
def group_describe(name: str, config: Config = None) -> None:
    """One group, partition by partition."""
    from footfall.commands import group

    group.describe_group(_kafka(config), name, console)


@import_app.command("access-log")
def import_access_log(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    site: Annotated[str, typer.Option(help="Site that the lines belong to.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Replay a web server's access log (Combined Log Format) as events at their own times."""
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
        hint = "; is Footfall running? `footfall doctor` looks at everything"
        _refuse(str(error).removesuffix(".") + (hint if _may_be_away(error) else ""))
        code = 1
    raise SystemExit(code)


def _is_refusal(error: Exception) -> bool:
    """Whether the broker, and not a mistake of ours, made the command fail."""
    from tracker.kafka.admin import ClusterUnavailable
    from tracker.kafka.client import KafkaFailure, NotStored
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
