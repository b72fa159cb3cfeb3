"""Which channels messages go over, as the process that sends them last found in its settings; no address and no secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from store.channel_settings import Channel, ChannelKind
from store.schema import message_channels

table = message_channels.c


@dataclass(frozen=True)
class KnownChannel:
    """One channel that the settings name. `host` may be shown; `configured_at` (UTC) is when it was first found as it is."""

    name: str
    kind: ChannelKind
    host: str
    configured_at: datetime


def keep(connection: Connection, tenant_id: UUID, channels: Sequence[Channel], *, now: datetime) -> None:
    """Write down what the settings name; those that they no longer name are marked. The same again changes nothing."""
    gone = and_(table.removed_at.is_(None), table.name.not_in([channel.name for channel in channels]))
    connection.execute(update(message_channels).where(gone).values(removed_at=now))
    for channel in channels:
        found = {"kind": channel.kind, "host": channel.host, "configured_at": now, "removed_at": None}
        connection.execute(
            insert(message_channels)
            .values(tenant_id=tenant_id, name=channel.name, **found)
            .on_conflict_do_update(
                index_elements=["tenant_id", "name"],
                set_=found,
                where=or_(table.kind != channel.kind, table.host != channel.host, table.removed_at.is_not(None)),
            )
        )


def configured(connection: Connection) -> list[KnownChannel]:
    """The channels that the settings name, Slack first, then by name."""
    rows = connection.execute(
        select(table.name, table.kind, table.host, table.configured_at)
        .where(table.removed_at.is_(None))
        .order_by(table.kind, table.name)
    )
    return [KnownChannel(**row._asdict()) for row in rows]
