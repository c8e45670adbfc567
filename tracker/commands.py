"""The small commands: site add, remove, list; import-access-log."""

import argparse
import sys
from datetime import UTC, datetime

import msgspec

from tracker import sites
from tracker.clock import SystemClock
from tracker.config import KafkaConfig, load_kafka
from tracker.importer import access_log
from tracker.kafka.client import KafkaFailure
from tracker.kafka.producer import NotStored
from tracker.kafka.topics import cluster_id
from tracker.sites import Site, SiteNameError
from tracker.start import Start


def site(start: Start, given: argparse.Namespace) -> int:
    """Exit code of `site add|remove|list`: 0 also when there was nothing to change."""
    kafka = load_kafka(start.config)
    try:
        if given.action == "add":
            return _add(kafka, given.site, tuple(given.allowed_host))
        if given.action == "remove":
            return _remove(kafka, given.site)
        return _list(kafka, as_json=given.json)
    except (KafkaFailure, NotStored) as error:
        return _fail(
            f"the registry of sites cannot be reached at {kafka.bootstrap_servers}: {error}"
        )
    except SiteNameError as error:
        return _fail(str(error), code=2)


def _add(kafka: KafkaConfig, name: str, allowed_hosts: tuple[str, ...]) -> int:
    entry = Site(sites.new_name(name), SystemClock().now_ms(), allowed_hosts)
    added = sites.add(kafka, entry)
    sys.stdout.write(f"{entry.site} {'is counted now' if added else 'was counted already'}\n")
    return 0


def _remove(kafka: KafkaConfig, name: str) -> int:
    if not sites.remove(kafka, name):
        return _fail(f"no site {name!r} is registered; `footfall site list` shows all")
    sys.stdout.write(f"{sites.checked_name(name)} is not counted any more; its events stay\n")
    return 0


def _list(kafka: KafkaConfig, *, as_json: bool) -> int:
    for entry in sites.list_sites(kafka):
        if as_json:
            sys.stdout.write(msgspec.json.encode(entry).decode() + "\n")
        else:
            since = datetime.fromtimestamp(entry.created_at_ms / 1000, UTC)
            hosts = ", ".join(entry.allowed_hosts) or "any host"
            sys.stdout.write(f"{entry.site}\tsince {since:%Y-%m-%d %H:%M} UTC\t{hosts}\n")
    return 0


def import_access_log(start: Start, given: argparse.Namespace) -> int:
    """Exit code of `import-access-log`."""
    kafka = load_kafka(start.config)
    try:
        site_name = sites.checked_name(given.site)
        if all(one.site != site_name for one in sites.list_sites(kafka)):
            return _fail(
                f"no site {site_name!r} is registered; `footfall site add {site_name}` does"
            )
        job = access_log.Job(
            given.file,
            site_name,
            given.host or site_name,
            start.data_directory() / "imports",
            cluster_id(kafka),
        )
        return access_log.run(kafka, job)
    except SiteNameError as error:
        return _fail(str(error), code=2)
    except (KafkaFailure, NotStored) as error:
        return _fail(f"the broker at {kafka.bootstrap_servers} failed: {error}")


def _fail(message: str, code: int = 1) -> int:
    sys.stderr.write(f"{message}\n")
    return code
