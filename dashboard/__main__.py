"""`python -m dashboard`: settings, then run."""

import argparse
import asyncio
import dataclasses
import faulthandler
import gc
import logging
import sys
from pathlib import Path

from dashboard import app
from dashboard.config import (
    DashboardConfig,
    LdapConfig,
    MaskConfig,
    OidcConfig,
    RightsConfig,
    further_clusters,
    with_neighbours,
)
from footfall.data_format import claim
from footfall.settings import EXIT_CONFIG, CommonConfig, SettingsError, load, load_named
from tracker.config import load_kafka

GARBAGE_ALLOCATIONS = (50_000, 20, 5)
"""Thresholds of the collector of cycles. A look at 10,000 partitions makes 100,000 objects
that stay until the next; Python's own 700 looks through all of them again and again and finds
nothing: more than half of what a look costs (docs/adr/0033). What tabs leave that were open at
a look through the second generation is found by a look through all: after every fifth of them,
since after every twentieth it came to 134,000 objects in 90 minutes of six tabs."""


def main() -> int:
    """Exit code: 0 after a clean stop, 1 when the port is taken, 78 on bad settings."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    parser.add_argument("--config", type=Path, help="settings file (default: none)")
    parser.add_argument("--data-dir", help="goes before data_dir of the settings")
    arguments = parser.parse_args()
    try:
        common = load("footfall", CommonConfig, arguments.config)
        own = load("dashboard", DashboardConfig, arguments.config)
        further = app.Further(
            oidc=load("oidc", OidcConfig, arguments.config),
            ldap=load("ldap", LdapConfig, arguments.config),
            masks=load_named("masks", MaskConfig, arguments.config),
            rights=load_named("rights", RightsConfig, arguments.config),
        )
        config = with_neighbours(own, arguments.config)
        clusters = {config.cluster_name: load_kafka(arguments.config)}
        clusters |= further_clusters(config.cluster_name, arguments.config)
        if arguments.data_dir:
            common = dataclasses.replace(common, data_dir=arguments.data_dir)
        claim(Path(common.data_dir))
        logging.basicConfig(
            level=common.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
        state = app.build(config, clusters, Path(common.data_dir), further)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return EXIT_CONFIG
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_ALLOCATIONS)
    try:
        asyncio.run(app.run(state))
    except app.PortTaken as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    faulthandler.enable()  # a library in C that fails says where, on stderr and so in the log
    sys.exit(main())
