"""The shared link: one locked month behind a token and a password, read-only, and a wall on every other side."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from billing import report_links
from billing.investor_reports import ReportRefused
from billing.report_links import Reader
from pricing.report_view import Redaction
from store import report_links as kept
from store.database import tenant_transaction
from store.investor_reports import Snapshot
from tests.api.report_reader import FAY, VIC, Browser, at, lock, log_of, share
from tests.billing.reported_company import NAMES, publish_october, rows


@pytest.fixture
def snapshot(engine: Engine, tenant: UUID, tmp_path: Path) -> Snapshot:
    return lock(engine, tenant, tmp_path)


def test_the_right_password_opens_the_report_and_each_step_is_written_down(
    engine: Engine, tenant: UUID, snapshot: Snapshot
) -> None:
    shared, browser = share(engine, tenant, snapshot), Browser(engine, tenant)
    door = browser.get(at(shared))
    assert (door.status_code, "Northwind" in door.text, 'type="password"' in door.text) == (200, False, True)
    wrong = browser.enter(shared, "aaaaa-aaaaa-aaaaa-aaaaa")
    assert (wrong.status_code, "not the password" in wrong.text, "Northwind" in wrong.text) == (401, True, False)
    entered = browser.enter(shared, shared.password.upper().replace("-", " "))
    assert (entered.status_code, entered.headers["location"]) == (303, at(shared))
    cookie = entered.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=strict", f"path={at(shared).lower()}"))
    shown = browser.get(at(shared))
    assert (shown.status_code, "Northwind Labs" in shown.text, "58.4%" in shown.text) == (200, True, True)
    pdf, xlsx = browser.get(at(shared, "/report.pdf")), browser.get(at(shared, "/report.xlsx"))
    assert (pdf.content[:5], xlsx.content[:2]) == (b"%PDF-", b"PK")
    assert 'filename="investor-report-2026-10-r1.pdf"' in pdf.headers["content-disposition"]
    assert log_of(engine, tenant, shared) == ["wrong_password", "opened", "page", "pdf", "xlsx"]
    with tenant_transaction(engine, tenant) as connection:
        seen = kept.view_log(connection, shared.link.link_id)[0]
    assert (seen.address, seen.agent) == ("203.0.113.7", "Angel/1.0")


def test_no_answer_is_kept_found_framed_or_able_to_run_a_script(
    engine: Engine, tenant: UUID, snapshot: Snapshot
) -> None:
    shared, browser = share(engine, tenant, snapshot), Browser(engine, tenant)
    answers = [
        browser.get(at(shared)),
        browser.enter(shared),
        browser.get(at(shared)),
        browser.get(at(shared, "/report.pdf")),
    ]
    for answer in [*answers, browser.get("/shared/unknown")]:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "script-src" not in policy
    assert not re.search(r"<script|javascript:| on\w+=| style=", answers[2].text)
    assert "=HYPERLINK(&#34;evil&#34;)" in answers[2].text  # a customer's name is text


def test_five_wrong_passwords_shut_the_door_even_for_the_right_one_for_a_while(
    engine: Engine, tenant: UUID, snapshot: Snapshot
) -> None:
    shared, other = share(engine, tenant, snapshot), share(engine, tenant, snapshot)
    browser = Browser(engine, tenant)
    assert [browser.enter(shared, f"wrong-{number}").status_code for number in range(5)] == [401] * 5
    shut = browser.enter(shared)
    assert (shut.status_code, shut.headers["retry-after"]) == (429, "900")
    assert Browser(engine, tenant).enter(other).status_code == 303  # another link's door is its own
    later = datetime.now(UTC) + timedelta(minutes=16)
    with tenant_transaction(engine, tenant) as connection:
        assert (
            report_links.try_password(connection, shared.link, shared.password, Reader(None, None), now=later)
            == "opened"
        )


def test_two_tries_at_once_are_not_two_tries(engine: Engine, tenant: UUID, snapshot: Snapshot) -> None:
    """Who guesses in parallel gets no more guesses: while one try is worked out, the others are turned away."""
    shared = share(engine, tenant, snapshot)
    with tenant_transaction(engine, tenant) as first:
        assert kept.hold(first, shared.link.link_id)
        assert Browser(engine, tenant).enter(shared).status_code == 429
    assert log_of(engine, tenant, shared) == []


def test_an_ended_a_revoked_and_an_unknown_link_are_the_same_nothing(
    engine: Engine, tenant: UUID, snapshot: Snapshot
) -> None:
    ended = share(engine, tenant, snapshot, days=1, ago=timedelta(days=2))
    revoked = share(engine, tenant, snapshot)
    inside = Browser(engine, tenant)
    assert inside.enter(revoked).status_code == 303
    with tenant_transaction(engine, tenant) as connection:
        report_links.revoke(connection, revoked.link.link_id, principal=FAY, now=datetime.now(UTC))
    answers = [inside.get(at(revoked)), inside.get(at(revoked, "/report.pdf")), Browser(engine, tenant).get(at(ended))]
    answers += [
        inside.enter(revoked),
        inside.get("/shared/unknown"),
        inside.call("POST", at(ended, "/verify"), data={"hash": "a"}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_a_cookie_opens_its_own_link_alone_and_none_can_be_made_up(
    engine: Engine, tenant: UUID, snapshot: Snapshot
) -> None:
    first, second, browser = share(engine, tenant, snapshot), share(engine, tenant, snapshot), Browser(engine, tenant)
    browser.enter(first)
    cookie = next(iter(browser.cookies.jar)).value or ""
    now = datetime.now(UTC)
    until, signature = cookie.split(".")
    assert report_links.is_session(first.link, cookie, now=now)
    made_up = [
        f"{int(until) + 9}.{signature}",
        f"{until}.{'0' * 64}",
        "",
        "x.y",
        f"{until}.",
        "9" * 400 + ".a",
        f"-1.{signature}",
    ]
    assert not any(report_links.is_session(first.link, value, now=now) for value in made_up)
    assert not report_links.is_session(second.link, cookie, now=now)
    assert not report_links.is_session(first.link, cookie, now=now + timedelta(hours=1))
    assert not report_links.is_session(replace(first.link, session_key=b"x" * 32), cookie, now=now)


@pytest.mark.parametrize("redaction", ["percentages", "indexed"])
def test_what_the_link_hides_is_in_none_of_its_answers(
    engine: Engine, tenant: UUID, snapshot: Snapshot, redaction: Redaction
) -> None:
    shared, browser = share(engine, tenant, snapshot, redaction), Browser(engine, tenant)
    browser.enter(shared)
    page = browser.get(at(shared)).text
    words = re.sub(r"<style>.*?</style>|<svg.*?>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert "$" not in words
    labels = " ".join(re.findall(r'aria-label="([^"]*)"', page))
    for minor in (1_600_00, 1_000_00, 665_37, 934_63, 95_37, 480_00, 310_00, 1_440_00):
        assert not {f"{minor / 100:,.2f}", f"{minor / 100:,.0f}", str(minor)} & set(f"{words} {labels}".split()), minor
    if redaction == "indexed":
        assert not any(name.split()[0] in page for name in NAMES.values())
        assert "Customer A" in page


def test_nothing_but_this_month_of_this_tenant_can_be_reached(
    engine: Engine, tenant: UUID, mallory: UUID, snapshot: Snapshot, tmp_path: Path
) -> None:
    theirs = share(engine, mallory, lock(engine, mallory, tmp_path, "mallory"))
    shared, browser = share(engine, tenant, snapshot), Browser(engine, tenant)
    browser.enter(shared)
    tricks = [
        "/../../healthz",
        "/%2e%2e/%2e%2e/v1/refund_requests",
        "/2026-09",
        "/report.json",
        "/report.pdf/",
        "/report.pdf%00",
        "//report.pdf",
    ]
    assert {browser.get(at(shared, trick)).status_code for trick in tricks} <= {404, 307}
    assert (
        browser.get(f"{at(shared)}?month=2026-09&snapshot_id={theirs.link.snapshot_id}").text
        == browser.get(at(shared)).text
    )
    assert browser.get(at(theirs)).status_code == 404  # another tenant's token is no token here
    assert browser.enter(theirs).status_code == 404
    later = rows()
    later["customer_month"][0]["net_revenue_minor"] += 77_777_00
    before = browser.get(at(shared)).text
    publish_october(tmp_path, tenant, later, version=2)
    assert browser.get(at(shared)).text == before  # nothing live in it


def test_a_hash_is_compared_for_whoever_has_the_link_and_a_file_for_whoever_is_inside(
    engine: Engine, tenant: UUID, snapshot: Snapshot
) -> None:
    shared, browser = share(engine, tenant, snapshot), Browser(engine, tenant)
    verify = at(shared, "/verify")
    right = browser.call("POST", verify, data={"hash": f" {snapshot.content_hash.upper()} "})
    assert "The hash is that of the locked snapshot: October 2026, revision 1" in right.text
    assert "not the hash of this snapshot" in browser.call("POST", verify, data={"hash": "0" * 64}).text
    assert "Northwind" not in right.text
    browser.enter(shared)
    pdf = browser.get(at(shared, "/report.pdf")).content
    assert "byte for byte" in browser.call("POST", verify, data={"hash": ""}, files={"file": ("r.pdf", pdf)}).text
    forged = pdf.replace(b"Metering", b"Mattering")
    assert (
        "not the one that this link gives out" in browser.call("POST", verify, files={"file": ("r.pdf", forged)}).text
    )
    assert browser.call("POST", verify, files={"file": ("r.pdf", b"x" * 5_000_000)}).status_code == 413


def test_who_only_looks_neither_shares_nor_revokes_and_a_link_needs_an_end_and_a_name(
    engine: Engine, tenant: UUID, mallory: UUID, snapshot: Snapshot
) -> None:
    shared, now = share(engine, tenant, snapshot), datetime.now(UTC)
    with tenant_transaction(engine, tenant) as connection:
        for days, label, principal, words in (
            (7, "x", VIC, "founder or finance"),
            (0, "x", FAY, "1 to 90"),
            (7, " ", FAY, "who the link is for"),
        ):
            with pytest.raises(ReportRefused, match=words):
                report_links.share(
                    connection, snapshot, redaction="all", days=days, label=label, principal=principal, now=now
                )
        with pytest.raises(ReportRefused, match="founder or finance"):
            report_links.revoke(connection, shared.link.link_id, principal=VIC, now=now)
    with tenant_transaction(engine, mallory) as connection:
        assert kept.listed(connection) == []
        with pytest.raises(ReportRefused, match="no link"):
            report_links.revoke(connection, shared.link.link_id, principal=FAY, now=now)


def test_neither_token_nor_password_is_kept_and_the_log_of_views_only_grows(
    engine: Engine, tenant: UUID, snapshot: Snapshot, superuser_url: str
) -> None:
    shared = share(engine, tenant, snapshot)
    Browser(engine, tenant).enter(shared)
    with psycopg.connect(superuser_url) as owner:
        owner.execute("set search_path = metering")
        everything = str(
            [
                owner.execute(f"select * from {name}").fetchall()
                for name in ("report_links", "report_link_views", "audit_log")
            ]
        )  # type: ignore[arg-type]  # names of our own
        assert shared.token not in everything
        assert shared.password not in everything
        assert "Angel Fund" in everything
    for statement in (
        "delete from report_link_views",
        "update report_link_views set address = null",
        "update report_links set redaction = 'all'",
    ):
        with pytest.raises(DBAPIError, match="permission denied"), tenant_transaction(engine, tenant) as connection:
            connection.execute(text(statement))
        with psycopg.connect(superuser_url) as owner, pytest.raises(psycopg.Error, match="only grows"):
            owner.execute(f"set search_path = metering; {statement}")  # type: ignore[arg-type]  # statements of our own


def test_without_a_database_the_page_says_so(tenant: UUID) -> None:
    answer = Browser(None, tenant).get("/shared/anything")
    assert (answer.status_code, "try again in a minute" in answer.text) == (503, True)
