"""What the dashboard leaves to the other roles' sections."""

from pathlib import Path

import pytest

from dashboard.app import build
from dashboard.config import DashboardConfig, further_clusters, with_neighbours
from dashboard.config_check import check
from footfall.settings import SettingsError, load
from tracker.config import KafkaConfig


def test_without_settings_roles_are_where_they_are_by_default() -> None:
    found = with_neighbours(DashboardConfig(), None, {})

    assert found.role_metrics[0] == "broker=http://127.0.0.1:9101/metrics"
    assert len(found.role_metrics) == 4
    assert found.tracker_url == "http://127.0.0.1:8090"


def test_ports_come_from_the_roles_own_sections_and_variables(tmp_path: Path) -> None:
    path = tmp_path / "footfall.toml"
    path.write_text('[broker]\nmetrics_port = -1\n[ingest]\nhost = "0.0.0.0"\nmetrics_port = 7\n')

    found = with_neighbours(DashboardConfig(), path, {"FOOTFALL_STREAM__METRICS_PORT": "8"})

    assert [text.split("/metrics")[0] for text in found.role_metrics] == [
        "ingest=http://127.0.0.1:7",
        "aggregate=http://127.0.0.1:8",
        "export=http://127.0.0.1:9104",
    ]
    assert found.tracker_url == "http://127.0.0.1:8090"


def test_what_the_dashboard_says_itself_goes_first() -> None:
    own = DashboardConfig(role_metrics=("x=http://h:1/metrics",), tracker_url="https://t.example")

    assert with_neighbours(own, None, {}) == own


def test_on_another_cluster_there_is_no_broker_role() -> None:
    found = with_neighbours(DashboardConfig(bundled_broker=False), None, {})

    assert not any(text.startswith("broker=") for text in found.role_metrics)


def test_each_further_cluster_has_a_section_and_log_in_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "footfall.toml"
    (tmp_path / "ca.pem").touch()
    path.write_text(
        '[clusters.staging]\nbootstrap_servers = "s:9092"\n'
        '[clusters."far-away"]\nbootstrap_servers = "f:9094"\nsecurity_protocol = "SASL_SSL"\n'
        'sasl_mechanism = "SCRAM-SHA-512"\nsasl_username = "watch"\n'
        f'ssl_ca_location = "{tmp_path}/ca.pem"\n'
    )

    found = further_clusters("local", path, {"FOOTFALL_CLUSTERS__FAR_AWAY__SASL_PASSWORD": "s3"})

    assert list(found) == ["staging", "far-away"]
    assert found["staging"].security_protocol == "PLAINTEXT"
    assert found["far-away"].sasl_password == "s3"
    assert "s3" not in repr(found)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[clusters.x]", "names no bootstrap_servers"),
        ('[clusters.local]\nbootstrap_servers = "a:1"', "is what"),
        ('[clusters]\nbootstrap_servers = "a:1"', r"must be in \[clusters.NAME\]"),
        ('[clusters.x]\nbootstrap = "a:1"', "unknown key 'bootstrap'"),
        ('[clusters.x]\nbootstrap_servers = "a:1,b:99999"', "'b:99999' is not host:port"),
        ('[clusters.x]\nbootstrap_servers = "a b:1"', "'a b:1' is not host:port"),
        (
            '[clusters.x]\nbootstrap_servers = "[::1]:9,a"\nsecurity_protocol = "SASL_SSL"',
            "sasl_username and sasl_password are needed",
        ),
        (
            (
                '[clusters.x]\nbootstrap_servers = "a"\nsecurity_protocol = "SSL"\n'
                'ssl_key_location = "/nowhere.pem"'
            ),
            r"ssl_key_location in \[clusters.x\]: there is no '/nowhere.pem'",
        ),
    ],
)
def test_a_cluster_that_cannot_be_watched_is_named(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "footfall.toml"
    path.write_text(text)

    with pytest.raises(SettingsError, match=complaint):
        further_clusters("local", path, {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("public_url", "stats.example.com"),
        ("grafana_url", "javascript:alert(1)"),
        ("alert_webhook_url", "http://[::1"),
        ("alert_slack_url", "https://"),
        ("metrics_exclude_groups", "("),
        ("cluster_name", " "),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_the_start(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=key):
        check(DashboardConfig(**{key: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_number_that_is_none_is_refused(tmp_path: Path, number: str) -> None:
    path = tmp_path / "footfall.toml"
    path.write_text(f"[dashboard]\nlag_target_s = {number}\n")

    with pytest.raises(SettingsError, match="lag_target_s"):
        load("dashboard", DashboardConfig, path, {})


def test_lists_whose_entries_cannot_be_are_told_by_their_setting(tmp_path: Path) -> None:
    for key, value in (("role_metrics", "broker"), ("metrics_extra_labels", "topic=orders")):
        config = DashboardConfig(**{key: (value,)})  # type: ignore[arg-type]
        with pytest.raises(SettingsError, match=key):
            build(config, {"local": KafkaConfig()}, tmp_path)


def test_files_and_directories_that_cannot_be_used_are_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    tls = KafkaConfig(
        bootstrap_servers="a:1", security_protocol="SSL", ssl_ca_location=f"{tmp_path}/ca.pem"
    )

    with pytest.raises(SettingsError, match="cluster local cannot be asked with its settings"):
        build(DashboardConfig(), {"local": tls}, tmp_path / "data")
    with pytest.raises(SettingsError, match="data_dir"):
        build(DashboardConfig(), {"local": KafkaConfig()}, tmp_path / "ca.pem" / "data")
