"""Keys of programs: shown once, kept as a hash, good for their tenant alone, and ended when somebody says so."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from billing import api_keys
from billing.api_keys import KeyRefused, Named, NewKey
from billing.principals import OPERATOR, Principal
from store import api_keys as kept
from store import audit
from store.database import tenant_transaction

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def made(engine: Engine, tenant: UUID, name: str = "gateway", expires_at: datetime | None = None) -> NewKey:
    with tenant_transaction(engine, tenant) as connection:
        return api_keys.create(
            connection,
            name=name,
            scopes=["usage:write"],
            expires_at=expires_at,
            events_per_day=1_000_000,
            requests_per_second=50,
            principal=OPERATOR,
            now=NOW,
        )


def opens(engine: Engine, tenant: UUID, key_text: str, now: datetime = NOW) -> bool:
    named = api_keys.read(key_text)
    with tenant_transaction(engine, tenant) as connection:
        return named is not None and api_keys.proven(connection, named, key_text, now=now) is not None


def test_a_key_opens_its_tenant_and_is_kept_as_a_hash_alone(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    new = made(engine, tenant)
    assert new.text.startswith("mtr_acme_")
    assert api_keys.read(new.text) == Named("acme", new.key.key_id)
    assert opens(engine, tenant, new.text)
    assert not opens(engine, mallory, new.text)
    with tenant_transaction(engine, mallory) as connection:
        assert kept.listed(connection) == []
    secret = new.text.rpartition("_")[2]
    with tenant_transaction(engine, tenant) as connection:
        for table in ("api_keys", "audit_log"):
            rows = connection.execute(text(f"select t::text from {table} t")).scalars().all()
            assert rows
            assert not any(secret in row for row in rows)
    assert secret not in repr(new)


def test_a_mistyped_or_cut_key_is_seen_without_asking_the_database(engine: Engine, tenant: UUID) -> None:
    whole = made(engine, tenant).text
    other = "b" if whole[-20] == "a" else "a"
    for wrong in (whole[:-1], whole[:-20] + other + whole[-19:], whole.upper(), whole + "0", "mtr_", ""):
        assert api_keys.read(wrong) is None
    # A secret of the right form that nobody was given: its check letters fit, its hash does not.
    invented = whole[: -(api_keys.SECRET_LENGTH + api_keys.CHECK_LENGTH)] + "0" * api_keys.SECRET_LENGTH
    invented += api_keys._check(invented)
    assert api_keys.read(invented) is not None
    assert not opens(engine, tenant, invented)


def test_a_rotated_key_works_beside_the_new_one_for_the_overlap(engine: Engine, tenant: UUID) -> None:
    old = made(engine, tenant, expires_at=NOW + timedelta(days=30))
    later = NOW + timedelta(days=10)
    with tenant_transaction(engine, tenant) as connection:
        new = api_keys.rotate(connection, old.key.key_id, overlap=timedelta(hours=24), principal=OPERATOR, now=later)
    assert (new.key.name, new.key.scopes, new.key.events_per_day, new.key.replaces) == (
        old.key.name,
        old.key.scopes,
        old.key.events_per_day,
        old.key.key_id,
    )
    assert new.key.expires_at == later + timedelta(days=30)  # as long again as the old one was made for
    within, after = later + timedelta(hours=23), later + timedelta(hours=24)
    assert [opens(engine, tenant, key.text, within) for key in (old, new)] == [True, True]
    assert [opens(engine, tenant, key.text, after) for key in (old, new)] == [False, True]
    with pytest.raises(KeyRefused, match="nothing to replace"), tenant_transaction(engine, tenant) as connection:
        api_keys.rotate(connection, old.key.key_id, overlap=timedelta(), principal=OPERATOR, now=after)


def test_a_revoked_key_opens_nothing_and_each_deed_is_written_down(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    new = made(engine, tenant)
    with pytest.raises(KeyRefused, match="no key"), tenant_transaction(engine, mallory) as connection:
        api_keys.revoke(connection, new.key.key_id, principal=OPERATOR, now=NOW)
    for _ in range(2):
        with tenant_transaction(engine, tenant) as connection:
            ended = api_keys.revoke(connection, new.key.key_id, principal=OPERATOR, now=NOW)
    assert ended.revoked_by == str(OPERATOR)
    assert not opens(engine, tenant, new.text)
    with tenant_transaction(engine, tenant) as connection:
        lines = connection.execute(text("select action, subject from audit_log order by seq")).all()
        assert audit.verify(connection).intact
    subject = f"api_key:{new.key.key_id}"
    assert [tuple(line) for line in lines] == [("api_key:create", subject), ("api_key:revoke", subject)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": " "}, "what the key is for"),
        ({"scopes": ["refunds:send"]}, "refunds:send cannot be allowed"),
        ({"scopes": []}, "Nothing cannot be allowed"),
        ({"expires_at": NOW}, "lasts up to"),
        ({"events_per_day": 0}, "lets nothing through"),
        ({"principal": Principal("sam", "support")}, "takes a founder"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    engine: Engine, tenant: UUID, change: dict[str, object], sentence: str
) -> None:
    asked: dict[str, object] = {"name": "gateway", "scopes": ["usage:write"], "expires_at": None}
    asked |= {"events_per_day": None, "requests_per_second": None, "principal": OPERATOR, "now": NOW}
    with pytest.raises(KeyRefused, match=sentence), tenant_transaction(engine, tenant) as connection:
        api_keys.create(connection, **(asked | change))  # type: ignore[arg-type]  # one wrong value at a time
