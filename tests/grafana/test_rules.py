"""Prometheus rules: valid, each alert unit-tested, each with a page that says what to do."""

import subprocess

import yaml

from dashboard.alerts.desk import RULES as RULES_INSIDE
from tests.support.tools import ROOT, promtool

RULES = ROOT / "prometheus" / "rules" / "footfall-alerts.yml"
TESTS = sorted((ROOT / "prometheus" / "tests").glob("*_test.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"


def alerts() -> dict[str, dict[str, dict[str, str]]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [promtool(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_promtool_takes_rules_and_configuration() -> None:
    for arguments in (
        ("check", "rules", str(RULES)),
        ("check", "config", "prometheus/prometheus.yml"),
    ):
        done = run(*arguments)

        assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_fire_and_stay_quiet_as_their_unit_tests_say() -> None:
    done = run("test", "rules", *map(str, TESTS))

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_unit_test_that_sees_it_fire_and_one_that_sees_it_quiet() -> None:
    cases = [
        case
        for path in TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test["alert_rule_test"]
    ]

    fired = {case["alertname"] for case in cases if case.get("exp_alerts")}
    quiet = {case["alertname"] for case in cases if not case.get("exp_alerts")}

    assert fired == set(alerts())
    assert quiet == set(alerts())


def test_every_alert_is_evaluated_inside_as_well_and_every_rule_inside_is_an_alert() -> None:
    """With the same severity and time: tests/dashboard/alerts/test_rules.py compares those, and has
    facts for each rule that make it fire and others that do not."""
    assert {rule.name for rule in RULES_INSIDE} == set(alerts())


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("*.md")}

    assert pages == set(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
        assert rule["labels"]["severity"] in ("critical", "warning")
