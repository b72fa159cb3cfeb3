"""A link in a mail or a message: looking changes nothing, the button acts once in the recipient's name, and everybody else finds nothing."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import Engine
from starlette.applications import Starlette

from api import alert_links
from billing import action_links, digest_settings, mails
from billing.action_links import Verb
from billing.principals import Principal
from store import alert_reads, digests, message_channels
from store.alert_reads import StoredAlert
from store.channel_settings import Channel
from store.database import DatabaseUnreachable, tenant_transaction
from store.steps import read_steps
from tests.billing.alerted import open_alert, put_day

FAY = Principal("fay", "founder")
PUBLIC = "https://metering.acme.example"
SLACK = Channel("slack", "slack", "https://hooks.slack.com/x")
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def secret_of(tenant: UUID) -> bytes:
    return tenant.bytes * 2


@dataclass
class Follower:
    """Somebody who follows links to one installation; `engine` None is a database that is away."""

    engine: Engine | None
    tenant: UUID

    def __post_init__(self) -> None:
        self.app = Starlette(routes=alert_links.routes(self._books, secret_of, PUBLIC))

    def _books(self) -> tuple[Engine, UUID]:
        if self.engine is None:
            raise DatabaseUnreachable("away")
        return self.engine, self.tenant

    def call(self, method: str, url: str, address: str = "203.0.113.7", **sent: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(address, 4711))
            async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
                return await client.request(method, url, **sent)  # type: ignore[arg-type]  # httpx's own words

        return asyncio.run(ask())

    def get(self, url: str) -> httpx.Response:
        return self.call("GET", url)

    def press(self, url: str, **fields: str) -> httpx.Response:
        """The button, and the page that it leads to."""
        answer = self.call("POST", url, data={"deed": "do", **fields})
        return self.get(answer.headers["location"]) if answer.status_code == 303 else answer


def link(
    tenant: UUID, verb: Verb, alert: StoredAlert | None, recipient: str = "fay@acme.example", days: int = 14
) -> str:
    ends = datetime.now(UTC) + timedelta(days=days)
    return action_links.link(PUBLIC, secret_of(tenant), verb, alert.alert_id if alert else None, recipient, ends)


@pytest.fixture
def alert(engine: Engine, tenant: UUID, mallory: UUID) -> StoredAlert:
    """An alert of yesterday; a founder and a viewer get the daily mail, at the outsider's too; Slack is a channel."""
    now = datetime.now(UTC)
    for each in (tenant, mallory):
        with tenant_transaction(engine, each) as connection:
            for name, role in (("fay", "founder"), ("vic", "viewer")):
                digest_settings.add_recipient(
                    connection, each, f"{name}@acme.example", name=name, role=role, principal=FAY, now=now  # type: ignore[arg-type]  # two of the roles
                )  # fmt: skip
            message_channels.keep(connection, each, [SLACK], now=now)
    with tenant_transaction(engine, tenant) as connection:
        made = open_alert(connection, tenant, "cus_<b>ada</b>", 301_240, first_day=YESTERDAY, last_day=YESTERDAY, lower=9 * 10**14, upper=11 * 10**14)  # fmt: skip
        put_day(connection, tenant, made, YESTERDAY, 301_240)
    return made


def stored(engine: Engine, tenant: UUID, alert: StoredAlert) -> StoredAlert:
    with tenant_transaction(engine, tenant) as connection:
        found = alert_reads.one(connection, alert.alert_id)
    assert found is not None
    return found


def steps(engine: Engine, tenant: UUID, alert: StoredAlert) -> list[tuple[str, str]]:
    with tenant_transaction(engine, tenant) as connection:
        return [(step.step, step.who) for step in read_steps(connection, "alert", alert.alert_id)]


def test_looking_shows_what_will_happen_and_changes_nothing_however_often(
    engine: Engine, tenant: UUID, alert: StoredAlert
) -> None:
    """Mail scanners and Slack's previews ask for every link."""
    follower, url = Follower(engine, tenant), link(tenant, "confirm", alert)
    for method in ("GET", "HEAD", "GET"):
        shown = follower.call(method, url)
        assert shown.status_code == 200
    assert "Is it real?" in shown.text
    assert "+$3,012.40" in shown.text
    assert ("$10,000.00" in shown.text, "$1,000.00 ($900.00 to $1,100.00)" in shown.text) == (True, True)
    assert "cus_&lt;b&gt;ada&lt;/b&gt;&#39;s AI cost rose." in shown.text
    assert "You act as fay (founder)." in shown.text
    assert f'href="{PUBLIC}/spikes?alert={alert.alert_id}" rel="noreferrer"' in shown.text
    assert stored(engine, tenant, alert) == alert


@pytest.mark.parametrize(
    ("verb", "fields", "verdict", "said"),
    [
        ("confirm", {}, "confirmed", "It is confirmed as real, by fay (founder) on"),
        ("expected", {}, "expected", "It is called the new normal, by fay (founder) on"),
        ("not_an_issue", {}, "not_an_issue", "It is called no issue, by fay (founder) on"),
        ("planned", {"until": "9"}, "planned", "It is planned, by fay (founder) on"),
        ("snooze", {"days": "3"}, None, "It is kept quiet, by fay (founder) on"),
    ],
)
def test_the_button_acts_once_and_can_be_taken_back(
    engine: Engine, tenant: UUID, alert: StoredAlert, verb: Verb, fields: dict[str, str], verdict: str | None, said: str
) -> None:
    follower, url = Follower(engine, tenant), link(tenant, verb, alert)
    if "until" in fields:
        fields = {"until": str(datetime.now(UTC).date() + timedelta(days=9))}
    shown = follower.press(url, **fields)
    assert (shown.status_code, said in shown.text, "Take it back" in shown.text) == (200, True, True)
    after = stored(engine, tenant, alert)
    assert after.verdict == verdict
    assert (after.snoozed_until is not None) is (verb == "snooze")
    follower.press(url, **fields)
    assert len(steps(engine, tenant, alert)) == 1

    back = follower.call("POST", url, data={"deed": "undo"})
    assert (back.status_code, back.headers["location"]) == (303, url.removeprefix(PUBLIC))
    undone = stored(engine, tenant, alert)
    assert (undone.verdict, undone.snoozed_until, undone.is_open) == (None, None, True)
    assert steps(engine, tenant, alert)[-1] == ("reopened", "fay (founder)")
    assert said not in follower.get(url).text


def test_what_the_page_asks_for_is_needed(engine: Engine, tenant: UUID, alert: StoredAlert) -> None:
    follower, today = Follower(engine, tenant), datetime.now(UTC).date()
    planned, snooze = link(tenant, "planned", alert), link(tenant, "snooze", alert)
    assert f'type="date" required min="{today}"' in follower.get(planned).text
    for url, fields in [
        (planned, {}), (planned, {"until": "soon"}), (planned, {"until": str(today - timedelta(days=1))}),
        (planned, {"until": str(today + timedelta(days=400))}), (snooze, {}), (snooze, {"days": "4000"}),
    ]:  # fmt: skip
        refused = follower.press(url, **fields)
        assert (refused.status_code, 'role="alert"' in refused.text) == (422, True), fields
    assert stored(engine, tenant, alert) == alert


def test_a_viewer_and_whoever_left_the_list_do_not_act(engine: Engine, tenant: UUID, alert: StoredAlert) -> None:
    follower = Follower(engine, tenant)
    viewers, founders = link(tenant, "confirm", alert, "vic@acme.example"), link(tenant, "confirm", alert)
    shown = follower.get(viewers)
    assert "A viewer does not answer alerts" in shown.text
    assert "<button" not in shown.text
    assert follower.press(viewers).status_code == 422
    with tenant_transaction(engine, tenant) as connection:
        digest_settings.unsubscribe(connection, "fay@acme.example", now=datetime.now(UTC))
    for answer in (follower.get(founders), follower.press(founders)):
        assert (answer.status_code, "not on the list any more" in answer.text) == (403, True)
    assert stored(engine, tenant, alert) == alert


def test_a_channels_link_acts_in_the_name_that_is_said_until_the_channel_is_off(
    engine: Engine, tenant: UUID, alert: StoredAlert
) -> None:
    follower, url = Follower(engine, tenant), link(tenant, "confirm", alert, "slack:slack")
    assert 'name="name"' in follower.get(url).text
    assert "by Sam in slack (support)" in follower.press(url, name=" Sam ").text
    with tenant_transaction(engine, tenant) as connection:
        mails.stop(connection, tenant, "slack:slack", reason="off", principal=FAY, now=datetime.now(UTC))
    assert follower.get(url).status_code == 403


def test_an_ended_a_forged_and_anothers_link_find_nothing(
    engine: Engine, tenant: UUID, mallory: UUID, alert: StoredAlert
) -> None:
    follower, hers = Follower(engine, tenant), Follower(engine, mallory)
    url = link(tenant, "confirm", alert)
    ended = link(tenant, "confirm", alert, days=-1)
    for answer, status, said in [
        (follower.get(ended), 410, "This link ended on"),
        (follower.press(ended), 410, "This link ended on"),
        (follower.get(url[:-1]), 404, "not one of ours"),
        (hers.press(url), 404, "not one of ours"),  # signed with another tenant's secret
        (hers.press(link(mallory, "confirm", alert)), 404, "no such alert here"),  # hers, of an alert that is not
        (follower.get(link(tenant, "confirm", None)), 404, "no such alert here"),
        (follower.press(url.replace("/act/", "/unsubscribe/")), 404, "not one of ours"),
        (Follower(None, tenant).press(url), 503, "try again in a minute"),
    ]:
        assert (answer.status_code, said in answer.text, "Open Spikes" in answer.text) == (status, True, True)
        assert "AI cost rose" not in answer.text
    assert stored(engine, tenant, alert) == alert


def test_whoever_tries_many_forged_links_is_not_listened_to_for_a_while(
    engine: Engine, tenant: UUID, alert: StoredAlert
) -> None:
    follower = Follower(engine, tenant)
    forged = [follower.get(f"{PUBLIC}/alerts/act/1.guess{number}.x").status_code for number in range(20)]
    assert forged == [404] * 20
    shut = follower.get(f"{PUBLIC}/alerts/act/1.guess.x")
    assert (shut.status_code, 0 < int(shut.headers["retry-after"]) <= 61) == (429, True)
    assert follower.call("GET", f"{PUBLIC}/alerts/act/1.guess.x", address="203.0.113.8").status_code == 404
    assert follower.get(link(tenant, "confirm", alert)).status_code == 200  # a colleague behind the same address


def test_one_link_is_not_followed_more_than_ten_times_a_second(
    engine: Engine, tenant: UUID, alert: StoredAlert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.alert_links.time.monotonic", lambda: 1_000.0)  # all at once, however slow this machine is
    follower, url = Follower(engine, tenant), link(tenant, "confirm", alert)
    assert [follower.get(url).status_code for _ in range(11)] == [200] * 10 + [429]
    assert follower.get(link(tenant, "snooze", alert)).status_code == 200


def test_a_token_leaves_by_no_header_no_script_and_no_address_of_another_page(
    engine: Engine, tenant: UUID, alert: StoredAlert
) -> None:
    follower, url = Follower(engine, tenant), link(tenant, "snooze", alert)
    for answer in (
        follower.get(url),
        follower.press(url),
        follower.get(url + "x"),
        follower.get(link(tenant, "unsubscribe", None)),
    ):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        policy = answer.headers["content-security-policy"]
        assert ("default-src 'none'" in policy, "frame-ancestors 'none'" in policy, "unsafe" in policy) == (
            True,
            True,
            False,
        )
        assert not re.search(r"<script|javascript:| on\w+=| style=", answer.text)
        token = url.rpartition("/")[2]
        assert all(token not in href for href in re.findall(r'href="([^"]+)"', answer.text))
    assert follower.call("POST", url, content=b"x" * 5000).status_code == 413


def test_one_click_leaves_the_list_and_looking_does_not(
    engine: Engine, tenant: UUID, mallory: UUID, alert: StoredAlert
) -> None:
    follower, url = Follower(engine, tenant), link(tenant, "unsubscribe", None)
    assert "Get no more daily mail?" in follower.get(url).text
    follower.call("POST", url)  # says nothing of what it wants
    with tenant_transaction(engine, tenant) as connection:
        assert len(digests.recipients(connection, only_on=True)) == 2
    # As Gmail sends it, and as others may (RFC 8058, section 3.1).
    left = follower.call("POST", url, files={"List-Unsubscribe": (None, "One-Click")})
    again = follower.call("POST", url, data={"List-Unsubscribe": "One-Click"})
    for answer in (left, again, follower.get(url)):
        assert (answer.status_code, "You get no more daily mail" in answer.text) == (200, True)
    with tenant_transaction(engine, tenant) as connection:
        assert [each.address for each in digests.recipients(connection, only_on=True)] == ["vic@acme.example"]
    with tenant_transaction(engine, mallory) as connection:
        assert len(digests.recipients(connection, only_on=True)) == 2
