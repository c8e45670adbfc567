"""`footfall site`: which sites are counted."""

import time

from rich.console import Console
from rich.table import Table

from footfall.console import command, snippet
from tracker import sites
from tracker.config import KafkaConfig


def add(
    kafka: KafkaConfig, name: str, hosts: list[str], ingest_origin: str, console: Console
) -> None:
    """Registers a site and shows what to paste into its pages."""
    allowed = sites.checked_hosts(hosts)
    site = sites.Site(sites.new_name(name), time.time_ns() // 1_000_000, allowed)
    new = sites.add(kafka, site)
    told = f"{site.site} is {'registered' if new else 'registered already'}"
    console.print(told, markup=False, soft_wrap=True)
    console.print("paste this into its pages:")
    console.print(snippet(ingest_origin, site.site), markup=False, highlight=False, soft_wrap=True)


def remove(kafka: KafkaConfig, name: str, console: Console) -> bool:
    """Whether the site was there; what was counted of it stays."""
    was_there = sites.remove(kafka, name)
    told = "is no longer counted; its events stay" if was_there else "was not registered"
    console.print(f"{sites.checked_name(name)} {told}", markup=False)
    return was_there


def list_sites(kafka: KafkaConfig, console: Console) -> None:
    found = sites.list_sites(kafka)
    if not found:
        console.print(f"no sites yet: {command('site add example.com')}")
        return
    table = Table("site", "registered (UTC)", "hosts", box=None)
    for site in found:
        registered = time.strftime("%Y-%m-%d %H:%M", time.gmtime(site.created_at_ms / 1000))
        table.add_row(site.site, registered, ", ".join(site.allowed_hosts) or "any")
    console.print(table)
