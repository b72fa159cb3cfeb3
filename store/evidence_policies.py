"""What the tenant says of its own shop in dispute evidence, kept in one row and audited."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from store import audit
from store.schema import evidence_policies

WORDS = (
    "product_description",
    "refund_text",
    "refund_url",
    "cancellation_text",
    "cancellation_url",
    "disclosure",
)


def read(connection: Connection) -> dict[str, str | None]:
    """What is said, by name of WORDS; None where nothing is."""
    row = connection.execute(select(*(evidence_policies.c[name] for name in WORDS))).one_or_none()
    return dict.fromkeys(WORDS) if row is None else row._asdict()


def change(
    connection: Connection, tenant_id: UUID, words: Mapping[str, str | None], *, by: str, now: datetime
) -> dict[str, str | None]:
    """Say these words from now on and leave the others; an empty one takes what was said away. Audited when anything changes."""
    unknown = sorted(set(words) - set(WORDS))
    if unknown:
        raise ValueError(f"Nothing is said under {', '.join(unknown)}; the names are {', '.join(WORDS)}.")
    before = read(connection)
    after = before | {name: (text or "").strip() or None for name, text in words.items()}
    if after == before:
        return before
    values = {**after, "changed_by": by, "changed_at": now}
    connection.execute(
        insert(evidence_policies)
        .values(tenant_id=tenant_id, **values)
        .on_conflict_do_update(index_elements=["tenant_id"], set_=values)
    )
    audit.append(
        connection,
        at=now,
        principal=by,
        action="evidence_policy:change",
        subject="evidence",
        before={name: before[name] for name in WORDS if before[name] != after[name]},
        after={name: after[name] for name in WORDS if before[name] != after[name]},
    )
    return after
