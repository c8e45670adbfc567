"""What lists and strips show of troubles: partitions, members, topics."""

from dataclasses import replace
from pathlib import Path

import pytest

from dashboard import text
from dashboard.alerts.engine import Alert
from dashboard.pages.cluster import broker_rows, preferred, troubled
from dashboard.pages.groups import catches_up_s, gain, strips
from dashboard.pages.page import NotFound
from dashboard.render import Renderer
from dashboard.site_map import resolve
from dashboard.state import State
from tests.support.made_cluster import MadeCluster, MadePartition
from tests.support.made_dashboard import busy_cluster, made_state
from tracker.kafka.answers import BrokerNode, GroupMember, ListedGroup
from tracker.kafka.groups import ShareGroup, ShareStart
from tracker.topics import TopicPartition

EVENTS = [TopicPartition("events", index) for index in range(3)]


async def looked(tmp_path: Path, cluster: MadeCluster) -> State:
    state = made_state(tmp_path, cluster)
    await state.poller(None).look()
    return state


@pytest.mark.may_block
async def test_partitions_in_trouble_are_listed_the_worst_first(tmp_path: Path) -> None:
    cluster = busy_cluster()
    cluster.add_topic("thin", MadePartition(isr=()), min_insync_replicas="1")
    state = await looked(tmp_path, cluster)
    snapshot = state.poller(None).snapshot
    assert snapshot is not None

    found = [(word, topic.name) for word, topic, _ in troubled(snapshot)]

    assert found == [("offline", "broken"), ("under min ISR", "thin")]


@pytest.mark.may_block
async def test_now_lists_no_alert_about_what_its_problems_say_already(tmp_path: Path) -> None:
    state = await looked(tmp_path, busy_cluster())
    engine = state.alerts.engine
    for labels in ({"consumergroup": "stopped"}, {"consumergroup": "export"}, {"role": "ingest"}):
        one = Alert("Made", "critical", labels, "s", "", 1.0, 0, fired_at_ms=1)
        engine.active[one.key] = one
    page, visit = resolve(state, "/", {})

    found = await page.values(visit)

    assert ("group", "stopped") in {(one.kind, one.name) for one in found["health"].problems}
    shown = [alert.labels for alert in found["alerts"]]
    assert {"consumergroup": "stopped"} not in shown
    assert {"role": "ingest"} in shown


@pytest.mark.may_block
async def test_now_lists_alerts_of_its_own_cluster_and_counts_those_of_others(
    tmp_path: Path,
) -> None:
    state = await looked(tmp_path, busy_cluster())
    for cluster in ("local", "elsewhere"):
        labels = {"kafka_cluster": cluster, "topic": "made"}
        one = Alert("Made", "critical", labels, "s", "", 1.0, 0, fired_at_ms=1)
        state.alerts.engine.active[one.key] = one
    page, visit = resolve(state, "/", {})

    found = await page.values(visit)

    assert [alert.labels["kafka_cluster"] for alert in found["alerts"]] == ["local"]
    assert found["elsewhere"] == 1


@pytest.mark.may_block
async def test_alerts_lead_into_their_own_cluster_and_those_of_the_appliance_nowhere(
    tmp_path: Path,
) -> None:
    one = await looked(tmp_path, busy_cluster())
    state = replace(one, pollers={**one.pollers, "other": one.poller(None)})
    for labels in ({"kafka_cluster": "other", "topic": "t"}, {"disk": "/"}, {"topic": "events"}):
        alert = Alert("Made", "critical", labels, "said", "", 1.0, 0, fired_at_ms=1)
        state.alerts.engine.active[alert.key] = alert
    page, visit = resolve(state, "/alerts", {})

    shown = Renderer().live(page, visit, await page.values(visit))

    assert '<a href="/topics/t?cluster=other" data-row>said</a>' in shown
    assert "in other</span>" in shown and '<a href="/topics/events" data-row>said</a>' in shown
    assert '<td class="wrap">said</td>' in shown


@pytest.mark.may_block
async def test_a_runbook_leads_to_the_group_it_is_about(tmp_path: Path) -> None:
    state = await looked(tmp_path, busy_cluster())

    async def text(**query: str) -> str:
        page, visit = resolve(state, "/runbooks/ConsumerStalled", query)
        return str((await page.values(visit))["text"])

    plain, asked, made_up = await text(), await text(group="export"), await text(group="<b>")
    for name in ("stopped", "export"):
        labels = {"kafka_cluster": "local", "consumergroup": name}
        one = Alert("ConsumerStalled", "critical", labels, "s", "", 1.0, 0, fired_at_ms=1)
        state.alerts.engine.active[one.key] = one
        firing = await text()

        assert ('<a href="/groups/stopped"><code>stopped</code></a>' in firing) is (
            name == "stopped"
        )
    assert '<a href="/groups"><code>/groups/GROUP</code></a>' in plain == made_up
    assert '<a href="/groups/export"><code>export</code></a>' in asked


@pytest.mark.may_block
async def test_share_groups_count_among_the_readers_of_a_topic(tmp_path: Path) -> None:
    cluster = busy_cluster()
    starts = {EVENTS[0]: ShareStart(3, 7), TopicPartition("broken", 0): ShareStart(0, 90)}
    cluster.others = [ListedGroup("jobs", "share", "stable")]
    cluster.share_groups["jobs"] = ShareGroup("jobs", "stable", "simple", (), starts)
    state = await looked(tmp_path, cluster)
    (topics, all_of), (topic, one) = (
        resolve(state, "/topics", {}),
        resolve(state, "/topics/events", {"tab": "consumers"}),
    )

    rows = {row.topic.name: row.groups for row in (await topics.values(all_of))["table"].rows}
    found = await topic.values(one)

    assert [(share.group_id, lag) for share, lag in found["queues"]] == [("jobs", 7)]
    assert rows["events"] == len(found["consumers"]) + 1


@pytest.mark.may_block
async def test_topics_can_be_narrowed_to_those_in_trouble(tmp_path: Path) -> None:
    state = await looked(tmp_path, busy_cluster())
    page, visit = resolve(state, "/topics", {"only": "trouble"})

    rows = (await page.values(visit))["table"].rows

    assert [row.topic.name for row in rows] == ["broken"]


@pytest.mark.may_block
async def test_a_strip_has_a_cell_for_each_partition_and_nobody_last(tmp_path: Path) -> None:
    cluster = busy_cluster()
    cluster.add_group("mixed", {EVENTS[0]: 1_000, EVENTS[1]: 501, EVENTS[2]: 2}, EVENTS[:2])
    state = await looked(tmp_path, cluster)
    snapshot = state.poller(None).snapshot
    assert snapshot is not None

    found = strips(snapshot.groups["mixed"])

    assert [[cell.level for cell in cells] for _, cells in found[:-1]] == [[0, 2]]
    assert found[-1][0] == "nobody"
    assert [cell.level for cell in found[-1][1]] == [4]


@pytest.mark.may_block
async def test_a_group_of_which_nothing_is_known_has_no_trend(tmp_path: Path) -> None:
    state = await looked(tmp_path, busy_cluster())
    snapshot = state.poller(None).snapshot
    assert snapshot is not None

    assert gain(snapshot.groups["export"]) is None


@pytest.mark.parametrize(("seconds", "told"), [(120.0, 50.0), (1.1, None)])
@pytest.mark.may_block
async def test_a_group_that_keeps_pace_is_not_told_when_it_catches_up(
    tmp_path: Path, seconds: float, told: float | None
) -> None:
    state = await looked(tmp_path, busy_cluster())
    snapshot = state.poller(None).snapshot
    assert snapshot is not None
    export = snapshot.groups["export"]
    behind = replace(export.partitions[0], lag=100, lag_seconds=seconds)

    group = replace(export, partitions=(behind,), consume_rate=12.0, produce_rate=10.0)

    assert catches_up_s(group) == told


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [(130.0, "+130/s"), (-2.0, "\N{MINUS SIGN}2.0/s"), (0.01, "level"), (None, "\N{EN DASH}")],
)
def test_a_trend_has_a_sign(per_second: float | None, shown: str) -> None:
    assert text.trend(per_second) == shown


@pytest.mark.may_block
async def test_share_groups_are_filtered_and_have_pages(tmp_path: Path) -> None:
    cluster = busy_cluster()
    names = [f"jobs-{number:03}" for number in range(130)]
    cluster.others = [ListedGroup(name, "share", "stable") for name in names]
    cluster.share_groups = {name: ShareGroup(name, "stable") for name in names}
    state = await looked(tmp_path, cluster)

    async def shown(query: dict[str, str]) -> list[str]:
        page, visit = resolve(state, "/groups", query)
        return [one.group_id for one in (await page.values(visit))["shares"].rows]

    assert await shown({}) == names[:100]
    assert await shown({"shares": "2", "page": "7"}) == names[100:]
    assert await shown({"q": "OBS-12"}) == names[120:]


@pytest.mark.may_block
async def test_a_share_group_has_a_page_with_its_starts_and_who_reads(tmp_path: Path) -> None:
    cluster = busy_cluster()
    member = GroupMember("m", "c", "/h", "", (EVENTS[0],))
    starts = {EVENTS[0]: ShareStart(3, 7), EVENTS[1]: ShareStart(None, None)}
    cluster.others = [ListedGroup("jobs", "share", "stable")]
    cluster.share_groups["jobs"] = ShareGroup("jobs", "stable", "simple", (member,), starts)
    state = await looked(tmp_path, cluster)
    page, visit = resolve(state, "/groups/jobs", {})

    found = await page.values(visit)

    assert (found["share"].lag, found["owners"]) == (7, {EVENTS[0]: 1})


@pytest.mark.may_block
async def test_brokers_tell_their_share_and_how_many_leaders_are_preferred(
    tmp_path: Path,
) -> None:
    cluster = MadeCluster()
    cluster.nodes = (BrokerNode(1, "a", 9092), BrokerNode(2, "b", 9092))
    both = (1, 2)
    cluster.add_topic(
        "events",
        MadePartition(leader=1, replicas=both, isr=both),
        MadePartition(leader=1, replicas=both, isr=both),
        MadePartition(leader=1, replicas=(2, 1), isr=both),
        MadePartition(leader=2, replicas=(2, 1), isr=both),
    )
    snapshot = (await looked(tmp_path, cluster)).poller(None).snapshot
    assert snapshot is not None

    first, second = broker_rows(snapshot)

    assert (first.leads, first.leads_skew) == (3, 0.5)
    assert (second.leads, second.leads_skew, second.holds_skew) == (1, -0.5, 0.0)
    assert preferred(snapshot) == 0.75


@pytest.mark.may_block
async def test_a_brokers_page_tells_sources_and_hides_what_is_secret(tmp_path: Path) -> None:
    state = await looked(tmp_path, busy_cluster())
    page, visit = resolve(state, "/brokers/1", {})

    found = await page.values(visit)

    assert [entry.name for entry in found["table"].rows] == ["broker.id", "log.retention.ms"]
    assert found["rack"] == "rack-a"
    for name in ("2", "x", "1" * 30, "¹"):
        page, visit = resolve(state, f"/brokers/{name}", {})
        with pytest.raises(NotFound):
            await page.values(visit)
