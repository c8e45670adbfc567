"""python -m tracker ROLE: the tracker's roles and its small commands.

Exit codes: 0 done or cleanly stopped, 1 failed (one line on stderr says why), 2 wrong arguments,
78 settings that cannot be used.
"""

import argparse
import faulthandler
import sys
from collections.abc import Sequence
from pathlib import Path

from tracker.start import Start, guarded


def main(arguments: Sequence[str] | None = None) -> int:
    """Each role's code is imported when that role is started: the others do not pay its memory."""
    given = _parser().parse_args(arguments)
    start = Start(given.config, given.data_dir)
    if given.role == "ingest":
        from tracker.ingest.start import run_ingest

        return guarded(lambda: run_ingest(start, given.worker, given.port))
    if given.role == "aggregate":
        from tracker.stream.role import run_aggregate

        return guarded(lambda: run_aggregate(start))
    if given.role == "export":
        from tracker.export.role import run_export

        return guarded(lambda: run_export(start))
    from tracker import commands

    run_command = commands.site if given.role == "site" else commands.import_access_log
    return guarded(lambda: run_command(start, given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tracker", description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, help="settings file, see footfall.toml")
    common.add_argument("--data-dir", type=Path, help="overrides [footfall] data_dir")

    ingest = roles.add_parser("ingest", parents=[common], help="serve the beacon endpoint")
    ingest.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    ingest.add_argument("--port", type=int, help=argparse.SUPPRESS)

    roles.add_parser("aggregate", parents=[common], help="keep the figures of reports up to date")
    roles.add_parser("export", parents=[common], help="write events into the warehouse")

    site = roles.add_parser("site", help="which sites are counted")
    actions = site.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", parents=[common], help="count a site")
    add.add_argument("site", help="usually its domain: example.com")
    add.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        help="host of its pages; events of others are flagged (repeatable; default: any host)",
    )
    remove = actions.add_parser("remove", parents=[common], help="stop counting a site")
    remove.add_argument("site")
    listing = actions.add_parser("list", parents=[common], help="print the sites")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")

    replay = roles.add_parser(
        "import-access-log", parents=[common], help="replay a web server's log as events"
    )
    replay.add_argument("file", type=Path, help="Combined Log Format, plain or .gz")
    replay.add_argument("--site", required=True, help="the registered site it belongs to")
    replay.add_argument("--host", help="host name of its pages; default: the site's name")
    return parser


if __name__ == "__main__":
    faulthandler.enable()  # a library in C that fails says where, on stderr and so in the log
    sys.exit(main())
