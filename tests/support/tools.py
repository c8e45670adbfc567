"""Finds the tools that some tests drive; a test skips, and says why, where its tool is absent.

In continuous integration (CI=true) tests/conftest.py turns such a skip into a failure, so a tool
that got lost is noticed. The one skip that stays a skip there is data outside of the repo.
"""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE_THE_REPO = "outside the repo: "


def _command(name: str, package: str, path: str | None = None) -> str:
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt install {package})")
    return found


def chromium() -> str:
    """Path of Chromium, for Playwright's `executable_path`."""
    return _command("chromium", "chromium")


def kcat() -> str:
    """Path of kcat."""
    return _command("kcat", "kcat")


def prometheus() -> str:
    """Path of the Prometheus server."""
    return _command("prometheus", "prometheus")


def promtool() -> str:
    """Path of promtool."""
    return _command("promtool", "prometheus")


def slapd() -> str:
    """Path of OpenLDAP's server, which Debian keeps where only root looks."""
    return _command("slapd", "slapd", os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def kafka_libs() -> Path:
    """Folder of Apache Kafka's jars, there or not."""
    return Path(os.environ.get("KAFKA_LIBS", ROOT / ".cache" / "kafka-libs"))


def java_kafka(*options: str) -> list[str]:
    """Start of a command that runs a class of Apache Kafka's jars; append class and arguments."""
    java = _command("java", "default-jre-headless")
    libs = kafka_libs()
    if not list(libs.glob("kafka_2.13-*.jar")):
        pytest.skip(f"no Apache Kafka jars in {libs.name}/ (set KAFKA_LIBS or run .ci/run)")
    return [java, "-Xmx256m", *options, "-cp", f"{libs}/*"]


def javac() -> str:
    """Path of the Java compiler."""
    return _command("javac", "default-jdk-headless")


def node_modules(name: str) -> tuple[str, Path]:
    """Node's path and the `node_modules` directory that holds package `name`."""
    node = _command("node", "nodejs")
    modules = Path(os.environ.get("NODE_MODULES", ROOT / ".cache" / "node_modules"))
    if not (modules / name).is_dir():
        pytest.skip(f"npm package {name} is not in .cache/node_modules (run .ci/run)")
    return node, modules


def shared_data(name: str) -> Path:
    """A data file that lies beside the repo, not in it."""
    path = ROOT.parent / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"{OUTSIDE_THE_REPO}../shared/data/{name} does not exist")
    return path
