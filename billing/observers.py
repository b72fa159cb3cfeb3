"""What follows here from what Stripe says: every object that is taken into the mirror is shown to those who act on its kind."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from billing import recovery_cases
from billing.dispute_outcomes import observe_disputes
from billing.refund_outcomes import observe_refunds
from store import stripe_mirror
from store.database import Connection
from store.stripe_rows import Raw

Observer = Callable[[Connection, UUID, Sequence[Raw], datetime], None]
"""Moves our own rows to what objects of Stripe, all of one kind, say now; in an open transaction, without speaking to Stripe.

It is shown the same object many times, and objects in any order, so it looks at what is the case and not at what happened.
"""

OBSERVERS: dict[str, tuple[Observer, ...]] = {
    **{kind: (partial(recovery_cases.observe, kind),) for kind in recovery_cases.WATCHED},
    "refund": (observe_refunds,),
    "dispute": (observe_disputes, partial(recovery_cases.observe, "dispute")),
}
"""Who looks at which kind, by Stripe's name of the object."""


def take_in(connection: Connection, tenant_id: UUID, raw_objects: Iterable[Raw], fetched_at: datetime) -> int:
    """Write objects into the mirror and show them to their observers, in the tenant's open transaction; how many were given.

    What is shown is the object as the mirror holds it, so an answer that came late shows nothing old.
    """
    objects = list(raw_objects)
    given = stripe_mirror.upsert(connection, tenant_id, objects, fetched_at)
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for raw in objects:
        if raw["object"] in OBSERVERS:
            ids[raw["object"]].append(raw["id"])
    for kind in OBSERVERS:
        if kind in ids:
            show(connection, tenant_id, kind, stripe_mirror.current(connection, kind, ids[kind]), fetched_at)
    return given


def show(connection: Connection, tenant_id: UUID, kind: str, objects: Iterable[Raw], now: datetime) -> None:
    """Show mirrored objects of one kind to their observers, in the given order."""
    shown = list(objects)
    if not shown:
        return
    for observer in OBSERVERS[kind]:
        observer(connection, tenant_id, shown, now)
