"""The commands that change a subscription or its schedule: what is sent, what is checked last, and how the effect is found again."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from billing import observers
from billing.commands import Command, CommandKind, Raw, ReadStripe, Request
from billing.subscription_changes import ENDED, terms
from store.database import Connection

MARK = "metering_command"
PAGE_LIMIT = 100
OPEN_TO_PAUSE = frozenset({"active", "past_due", "trialing"})

Check = Callable[[Raw, Command, datetime], str | None]


def _marked(command: Command) -> dict[str, object]:
    """The parameters with the command's id in the metadata, which Stripe writes in the same step as the change itself."""
    return {**command.params["request"], "metadata": {MARK: str(command.command_id)}}


def _update(command: Command) -> Request:
    return Request("post", f"/v1/subscriptions/{command.object_id}", _marked(command))


def _is_marked(found: Raw, command: Command) -> bool:
    return (found.get("metadata") or {}).get(MARK) == str(command.command_id)


def find_marked(read: ReadStripe, command: Command) -> Raw | None:
    """The subscription when this command has changed it; the mark stays until the next command of the same subscription."""
    found = read(f"/v1/subscriptions/{command.object_id}", {})
    return found if _is_marked(found, command) else None


def find_created(read: ReadStripe, command: Command) -> Raw | None:
    """The subscription that this command made, among all that the customer ever had."""
    cursor: dict[str, str] = {}
    while True:
        page = read(
            "/v1/subscriptions",
            {"customer": command.object_id, "status": "all", "limit": PAGE_LIMIT, **cursor},
        )
        rows: list[Raw] = page["data"]
        made = next((row for row in rows if _is_marked(row, command)), None)
        if made is not None or not page["has_more"] or not rows:
            return made
        cursor = {"starting_after": rows[-1]["id"]}


def _find_when(is_done: Callable[[Raw], bool]) -> Callable[[ReadStripe, Command], Raw | None]:
    """Finds the effect in the state of the subscription, for requests that take no metadata."""

    def find(read: ReadStripe, command: Command) -> Raw | None:
        found = read(f"/v1/subscriptions/{command.object_id}", {})
        return found if is_done(found) else None

    return find


def why_not(found: Raw, command: Command, now: datetime) -> str | None:
    """Why a subscription, as Stripe has it now, must not be changed in the way that was looked at; None when it may.

    Besides its end: another price or quantity than in the preview, and a pinned moment outside the running period.
    """
    id_ = found["id"]
    if found["status"] in ENDED:
        return f"The subscription {id_} has ended (it is {found['status']})."
    expected, actual = command.params["expected"].get("items"), terms(found)
    if expected is not None and expected != actual:
        return f"The subscription {id_} was changed since the preview: it has {_said(actual)}, not {_said(expected)}."
    pinned = command.params["request"].get("proration_date")
    if pinned is None:
        return None
    starts = max(item["current_period_start"] for item in found["items"]["data"])
    if pinned < starts:
        return "The period for which the change was previewed is over: preview it again."
    if pinned > now.timestamp() + 60:
        return "The moment of the change lies in the future."
    return None


def _said(items: dict[str, dict[str, object]]) -> str:
    return ", ".join(
        f"{item['price']}" if item["quantity"] is None else f"{item['quantity']} of {item['price']}"
        for item in items.values()
    )


def _checking(*further: Check) -> Callable[[ReadStripe, Command, datetime], str | None]:
    """The last look at the subscription, with what the kind of change asks for beside the rules for all."""

    def check(read: ReadStripe, command: Command, now: datetime) -> str | None:
        id_ = command.params["expected"].get("subscription", command.object_id)
        try:
            found = read(f"/v1/subscriptions/{id_}", {})
        except LookupError:
            return f"Stripe has no subscription {id_}."
        return next((said for rule in (why_not, *further) if (said := rule(found, command, now))), None)

    return check


def _may_pause(found: Raw, _command: Command, _now: datetime) -> str | None:
    return None if found["status"] in OPEN_TO_PAUSE else f"A subscription that is {found['status']} cannot be paused."


def _is_paused(found: Raw, _command: Command, _now: datetime) -> str | None:
    return None if found["status"] == "paused" else f"The subscription is not paused (it is {found['status']})."


def _ends_at_period_end(found: Raw, _command: Command, _now: datetime) -> str | None:
    return (
        None if found["cancel_at_period_end"] else "The subscription is not going to end, so there is nothing to undo."
    )


def _has_no_schedule(found: Raw, _command: Command, _now: datetime) -> str | None:
    return f"It already has the schedule {found['schedule']}." if found["schedule"] else None


def check_customer(read: ReadStripe, command: Command, _now: datetime) -> str | None:
    """Why this customer cannot be subscribed; None when it can."""
    try:
        customer = read(f"/v1/customers/{command.object_id}", {})
    except LookupError:
        return f"Stripe has no customer {command.object_id}."
    return f"The customer {command.object_id} was deleted." if customer.get("deleted") else None


def settle(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """Mirror the subscription that Stripe answered with, so the next page shows it without waiting for a webhook."""
    if command.state == "succeeded" and (command.answer or {}).get("object") == "subscription":
        observers.take_in(connection, tenant_id, [dict(command.answer or {})], now)


def _by_state(
    name: str, request: Callable[[Command], Request], is_done: Callable[[Raw], bool], *checks: Check
) -> CommandKind:
    return CommandKind(name, request, _find_when(is_done), _checking(*checks), settle)


def _plain(command: Command, verb: str = "") -> Request:
    return Request("post", f"/v1/subscriptions/{command.object_id}{verb}", dict(command.params["request"]))


SUBSCRIPTION_KINDS: tuple[CommandKind, ...] = (
    CommandKind(
        "subscription.create",
        lambda command: Request("post", "/v1/subscriptions", _marked(command)),
        find_created,
        check_customer,
        settle,
    ),
    CommandKind("subscription.update", _update, find_marked, _checking(), settle),
    CommandKind("subscription.cancel_at_period_end", _update, find_marked, _checking(), settle),
    CommandKind("subscription.reactivate", _update, find_marked, _checking(_ends_at_period_end), settle),
    _by_state(
        "subscription.cancel_now",
        lambda command: Request("delete", f"/v1/subscriptions/{command.object_id}", command.params["request"]),
        lambda found: found["status"] == "canceled",
    ),
    _by_state(
        "subscription.pause",
        lambda command: _plain(command, "/pause"),
        lambda found: found["status"] == "paused",
        _may_pause,
    ),
    _by_state(
        "subscription.resume",
        lambda command: _plain(command, "/resume"),
        lambda found: found["status"] != "paused",
        _is_paused,
    ),
)
