"""Who may change when the daily mail goes out and to whom, and what is kept of it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing import digest_settings
from billing.digest_settings import DigestNotAllowed
from billing.principals import Principal, Role
from store import audit, digests
from store.database import tenant_transaction
from store.digests import DigestSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAY = Principal("fay", "founder")
LEA = Principal("lea", "lead")
SAM = Principal("sam", "support")


def add(engine: Engine, tenant: UUID, address: str, role: Role = "viewer", by: Principal = FAY) -> None:
    with tenant_transaction(engine, tenant) as connection:
        digest_settings.add_recipient(connection, tenant, address, name="Sam", role=role, principal=by, now=NOW)


def listed(engine: Engine, tenant: UUID) -> list[tuple[str, str, bool]]:
    with tenant_transaction(engine, tenant) as connection:
        return [(each.address, each.role, each.is_on) for each in digests.recipients(connection)]


def test_settings_begin_as_usual_and_are_changed_one_by_one(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        assert digests.settings(connection) == DigestSettings(is_on=True, time_zone="UTC", hour=8, all_quiet_weekday=0)
        change = digest_settings.change_settings
        change(connection, tenant, principal=LEA, now=NOW, hour=7, time_zone="Europe/Zurich")
        change(connection, tenant, principal=FAY, now=NOW, all_quiet_weekday=None)
        change(connection, tenant, principal=FAY, now=NOW, hour=7)  # as it is already
        assert digests.settings(connection) == DigestSettings(time_zone="Europe/Zurich", hour=7, all_quiet_weekday=None)
        assert audit.verify(connection).rows == 2
    with tenant_transaction(engine, mallory) as connection:
        assert digests.settings(connection) == DigestSettings()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hour": 24}, "The hour is 24: give a whole hour from 0 to 23."),
        ({"hour": -1}, "The hour is -1"),
        ({"time_zone": "Europe/Atlantis"}, "'Europe/Atlantis' is no time zone"),
        ({"time_zone": "../../etc/passwd"}, "is no time zone"),
        ({"time_zone": "Europe"}, "is no time zone"),
        ({"time_zone": ""}, "is no time zone"),
        ({"all_quiet_weekday": 7}, "The weekday is 7"),
        ({"least_impact_minor": -1}, "below 0"),
    ],
)
def test_what_is_no_hour_zone_or_weekday_is_refused_in_a_sentence(
    engine: Engine, tenant: UUID, changes: dict[str, Any], said: str
) -> None:
    with tenant_transaction(engine, tenant) as connection, pytest.raises(DigestNotAllowed) as refused:
        digest_settings.change_settings(connection, tenant, principal=FAY, now=NOW, **changes)
    assert said in str(refused.value)


def test_a_recipient_is_added_once_whatever_the_spelling_and_leaves_by_the_link(
    engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    add(engine, tenant, "Sam@Acme.example")
    add(engine, tenant, " sam@acme.example ", "support")
    assert listed(engine, tenant) == [("sam@acme.example", "support", True)]
    with tenant_transaction(engine, mallory) as connection:
        assert digests.recipients(connection) == []
        assert not digest_settings.unsubscribe(connection, "sam@acme.example", now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        assert digest_settings.unsubscribe(connection, "SAM@acme.example", now=NOW)
        assert not digest_settings.unsubscribe(connection, "sam@acme.example", now=NOW)
        assert digests.recipients(connection, only_on=True) == []
    add(engine, tenant, "sam@acme.example", "support")  # and is asked back
    assert listed(engine, tenant) == [("sam@acme.example", "support", True)]
    with tenant_transaction(engine, tenant) as connection:
        assert digest_settings.switch_recipient(connection, "sam@acme.example", is_on=False, principal=LEA, now=NOW)
        assert digest_settings.remove_recipient(connection, "sam@acme.example", principal=LEA, now=NOW)
        assert not digest_settings.remove_recipient(connection, "sam@acme.example", principal=LEA, now=NOW)
        lines = connection.exec_driver_sql("select action, subject, after::text from audit_log order by seq").all()
    verbs = [line[0].partition(":")[2] for line in lines]
    assert verbs == ["add", "add", "unsubscribe", "add", "pause", "remove"]
    assert "acme.example" not in str(lines)  # the log is kept for ever, addresses need not be


def test_nobody_gives_a_role_above_their_own_and_support_changes_nothing(engine: Engine, tenant: UUID) -> None:
    with pytest.raises(DigestNotAllowed, match="A lead cannot give the role 'founder'"):
        add(engine, tenant, "a@b.example", "founder", LEA)
    with pytest.raises(DigestNotAllowed, match="A support may read the daily mail"):
        add(engine, tenant, "a@b.example", "viewer", SAM)
    with tenant_transaction(engine, tenant) as connection, pytest.raises(DigestNotAllowed):
        digest_settings.change_settings(connection, tenant, principal=SAM, now=NOW, hour=3)
    assert listed(engine, tenant) == []


@pytest.mark.parametrize(
    "wrong", ["", "sam", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "Sam <a@b.example>"]
)
def test_what_is_no_address_is_not_put_on_the_list(engine: Engine, tenant: UUID, wrong: str) -> None:
    with pytest.raises(DigestNotAllowed, match="no e-mail address"):
        add(engine, tenant, wrong)
