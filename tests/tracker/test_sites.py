"""The registry of sites."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.kafka_address import new_site
from tracker import sites
from tracker.__main__ import main
from tracker.config import KafkaConfig
from tracker.kafka.topics import ensure_topics
from tracker.sites import Site, SiteNameError, SiteReader
from tracker.topics import SITES


@pytest.fixture
def config_file(kafka: KafkaConfig, tmp_path: Path) -> str:
    file = tmp_path / "footfall.toml"
    file.write_text(f'[kafka]\nbootstrap_servers = "{kafka.bootstrap_servers}"\n')
    return str(file)


def names(kafka: KafkaConfig) -> list[str]:
    return [site.site for site in sites.list_sites(kafka)]


def test_a_site_is_added_once_and_removed_once(kafka: KafkaConfig) -> None:
    name = new_site()

    added = [sites.add(kafka, Site(name, 1)), sites.add(kafka, Site(name, 2))]
    listed = name in names(kafka)
    removed = [sites.remove(kafka, name), sites.remove(kafka, name)]

    assert added == [True, False]
    assert listed
    assert removed == [True, False]
    assert name not in names(kafka)


def test_names_of_registered_sites_are_read_in_order(kafka: KafkaConfig) -> None:
    name = new_site()
    sites.add(kafka, Site(name, 1))

    found = sites.registered(kafka)

    assert name in found and found == sorted(found)


def test_other_hosts_replace_the_entry(kafka: KafkaConfig) -> None:
    name = new_site()
    sites.add(kafka, Site(name, 1))

    changed = sites.add(kafka, Site(name, 1, (name,)))

    assert changed
    assert [one.allowed_hosts for one in sites.list_sites(kafka) if one.site == name] == [(name,)]


@pytest.mark.parametrize("name", ["Example.COM", "example.com/blog", "localhost", "a", "x_y:8080"])
def test_a_name_is_stored_in_lower_case(name: str) -> None:
    assert sites.checked_name(name) == name.lower()


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "x/", "<script>", "a" * 254, "\u00fc.de"])
def test_a_name_that_cannot_be_a_site_is_refused(name: str) -> None:
    with pytest.raises(SiteNameError):
        sites.checked_name(name)


@pytest.mark.parametrize(
    "name", ["my_app", "example.com/shop", "example.com:8443/shop/de", "a--b.example", "1f0c-77"]
)
def test_a_new_name_is_a_word_or_a_domain_with_port_and_path(name: str) -> None:
    assert sites.new_name(f" {name.upper()} ") == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bad_name/x", "'bad_name/x' cannot be a site: 'bad_name' before its path is not a domain"),
        ("bad_name:80", "'bad_name' before its port is not a domain"),
        ("a..b", "two dots side by side"),
        ("example.com:99999", "'99999' is not a port, which is a number from 1 to 65535"),
        ("example.com:shop", "'shop' is not a port"),
        ("example.com/a//b", "its path '/a//b' has a part that is empty"),
        ("example.com/../b", r"its path '/../b' has a part"),
        ("a" * 254, "it has 254 characters, and a site's name at most 253"),
    ],
)
def test_a_new_name_that_makes_no_sense_is_refused_with_value_and_bound(
    name: str, told: str
) -> None:
    """`bad_name/x` was registered, and no page could have been its."""
    with pytest.raises(SiteNameError) as refusal:
        sites.new_name(name)

    assert told in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_hosts_are_kept_as_those_of_pages_are_compared() -> None:
    assert sites.checked_hosts(["WWW.Example.com", " localhost", "[::1]", "127.0.0.1"]) == (
        *("www.example.com", "localhost", "[::1]", "127.0.0.1"),
    )


@pytest.mark.parametrize(
    "host", ["https://example.com", "example.com:80", "a b", "x/y", "", "a_b", "[::1", "[x]"]
)
def test_a_host_that_no_page_can_have_is_refused(host: str) -> None:
    """It would have flagged every event of the site, without a word."""
    with pytest.raises(SiteNameError, match="cannot be a host: it is a domain or an address"):
        sites.checked_hosts([host])


def test_a_site_has_a_bounded_number_of_hosts() -> None:
    with pytest.raises(SiteNameError, match="at most 100 hosts, not 101"):
        sites.checked_hosts(["a.example"] * 101)


def test_the_address_of_a_page_is_not_registered_as_a_site() -> None:
    with pytest.raises(SiteNameError, match=r"did you mean example\.com\?"):
        sites.new_name("https://Example.com:8443/shop")
    assert sites.new_name("example.com/shop") == "example.com/shop"


def test_the_command_says_what_it_did(
    kafka: KafkaConfig, config_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = new_site()

    codes = [
        main(["site", "add", name, "--config", config_file]),
        main(["site", "list", "--config", config_file]),
        main(["site", "remove", name, "--config", config_file]),
        main(["site", "remove", name, "--config", config_file]),
        main(["site", "add", "no site", "--config", config_file]),
    ]

    said = capsys.readouterr()
    assert codes == [0, 0, 0, 1, 2]
    assert said.out.count(name) == 3
    assert "no site" in said.err


def test_bad_settings_are_exit_code_78(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "footfall.toml"
    file.write_text("[kafka]\nbootstrap_server = 1\n")

    code = main(["site", "list", "--config", str(file)])

    assert code == 78
    assert "did you mean" in capsys.readouterr().err


def test_a_reader_hears_of_a_new_site_at_once(kafka: KafkaConfig) -> None:
    """A page of a site that was just added is counted: the reader does not gather changes."""
    name = new_site()
    ensure_topics(kafka, [SITES])  # as a role does before it reads
    reader = SiteReader(kafka, client_id="test-sites")
    reader.read_to_end()

    with ThreadPoolExecutor(1) as thread:
        heard = thread.submit(reader.poll, 60.0)
        sites.add(kafka, Site(name, 1))
        records = heard.result(timeout=40)

    reader.close()
    assert [record.key for record in records] == [name.encode()]
