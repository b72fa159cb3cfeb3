"""One page of Stripe into Postgres: the objects, what does not fit inside them, and the cursor, in one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from billing import observers
from pipelines.pull_stripe_client import CursorGone, Raw, StripeReader
from pipelines.pull_stripe_streams import BY_NAME, SOURCE, Stream
from pipelines.pull_stripe_windows import list_parameters, windows_after
from store import sync_windows
from store.database import Engine, tenant_transaction
from store.stripe_rows import KINDS, embedded_parts, has_more_parts
from store.sync_windows import Window, WindowState


@dataclass(frozen=True)
class Pull:
    """One pull for one tenant. `now` is when it began; all that it fetches counts as fetched then.

    Too early a time is the safe side: an answer that someone fetched after `now` is never overwritten by one of this pull,
    and what is missed by that has an event, which the next pull follows.
    """

    engine: Engine
    tenant_id: UUID
    reader: StripeReader
    now: datetime
    threads: int


def read_window(pull: Pull, window: Window) -> list[Window]:
    """Fetch the window's next page and write it together with what stands in the window's place.

    Returns those windows; none when another pull has moved this one meanwhile, whose rows then count.
    """
    stream = BY_NAME[window.stream]
    try:
        page = pull.reader.page(stream.path, {**stream.list_parameters, **list_parameters(window)})
    except CursorGone:
        after, objects = [replace(window, cursor=None, state=WindowState.WAITING)], []
    else:
        objects = with_all_parts(pull.reader, page.objects)
        after = windows_after(window, page.objects, has_more=page.has_more)
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        if not sync_windows.replace(connection, SOURCE, window, after):
            return []
        observers.take_in(connection, pull.tenant_id, objects, pull.now)
    return after


def retrieve(pull: Pull, stream: Stream, id_: str) -> list[Raw]:
    """One object as it is now, with everything that belongs to it; a bare tombstone when Stripe no longer has it."""
    found = pull.reader.find(f"{stream.path}/{id_}", stream.retrieve_parameters)
    if found is None:
        return [{"id": id_, "object": stream.kind, "deleted": True}]
    # Asked for on the way, but no part of the object as lists give it.
    payments = found.pop("payments", None) if "expand" in stream.retrieve_parameters else None
    return with_all_parts(pull.reader, [found]) + _all_payments(pull.reader, id_, payments)


def with_all_parts(reader: StripeReader, objects: list[Raw]) -> list[Raw]:
    """The objects, followed by those of their parts that Stripe left out of them."""
    further: list[Raw] = []
    for whole in objects:
        parts = KINDS[whole["object"]].parts
        if parts is None or not has_more_parts(whole):
            continue
        embedded = embedded_parts(whole)
        cursor = embedded[-1]["id"] if embedded else None
        # An invoice has its lines below it, a subscription is a filter of the items' list.
        if parts.kind == "line_item":
            further += reader.pages_after(f"/v1/invoices/{whole['id']}/lines", {}, cursor)
        else:
            further += reader.pages_after("/v1/subscription_items", {"subscription": whole["id"]}, cursor)
    return objects + further


def _all_payments(reader: StripeReader, invoice_id: str, payments: Raw | None) -> list[Raw]:
    """The invoice's payments that came with it, and the rest of them."""
    if not payments:
        return []
    embedded: list[Raw] = payments["data"]
    if not payments["has_more"]:
        return embedded
    return embedded + reader.pages_after("/v1/invoice_payments", {"invoice": invoice_id}, embedded[-1]["id"])
