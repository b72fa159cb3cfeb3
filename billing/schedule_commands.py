"""The commands of subscription schedules: put a subscription under one, say what it does when, let the subscription go."""

from datetime import datetime
from uuid import UUID

from billing.commands import Command, CommandKind, Raw, ReadStripe, Request
from billing.subscription_changes import ENDED
from billing.subscription_commands import MARK
from store.database import Connection

OVER = frozenset({"canceled", "completed", "released"})


def _create(command: Command) -> Request:
    """Stripe takes nothing else beside `from_subscription`: phases are set by the next command."""
    return Request("post", "/v1/subscription_schedules", {"from_subscription": command.object_id})


def find_schedule(read: ReadStripe, command: Command) -> Raw | None:
    """The schedule that the subscription stands under; there can be only one."""
    schedule_id = read(f"/v1/subscriptions/{command.object_id}", {}).get("schedule")
    return None if schedule_id is None else read(f"/v1/subscription_schedules/{schedule_id}", {})


def check_free(read: ReadStripe, command: Command, _now: datetime) -> str | None:
    """Why the subscription cannot be put under a schedule; None when it can."""
    try:
        found = read(f"/v1/subscriptions/{command.object_id}", {})
    except LookupError:
        return f"Stripe has no subscription {command.object_id}."
    if found["status"] in ENDED:
        return f"The subscription {command.object_id} has ended (it is {found['status']})."
    return f"The subscription already has the schedule {found['schedule']}." if found.get("schedule") else None


def _update(command: Command) -> Request:
    params = {**command.params["request"], "metadata": {MARK: str(command.command_id)}}
    return Request("post", f"/v1/subscription_schedules/{command.object_id}", params)


def find_marked(read: ReadStripe, command: Command) -> Raw | None:
    """The schedule when this command has changed it."""
    found = read(f"/v1/subscription_schedules/{command.object_id}", {})
    return found if (found.get("metadata") or {}).get(MARK) == str(command.command_id) else None


def check_running(read: ReadStripe, command: Command, _now: datetime) -> str | None:
    """Why the schedule cannot be changed any more; None when it can."""
    try:
        found = read(f"/v1/subscription_schedules/{command.object_id}", {})
    except LookupError:
        return f"Stripe has no subscription schedule {command.object_id}."
    return f"The schedule {found['id']} is over (it is {found['status']})." if found["status"] in OVER else None


def _release(command: Command) -> Request:
    return Request("post", f"/v1/subscription_schedules/{command.object_id}/release", {})


def find_released(read: ReadStripe, command: Command) -> Raw | None:
    """The schedule when it has let the subscription go."""
    found = read(f"/v1/subscription_schedules/{command.object_id}", {})
    return found if found["status"] == "released" else None


def _settle(_connection: Connection, _tenant_id: UUID, _command: Command, _now: datetime) -> None:
    """Schedules are not mirrored: the subscription that they change is, and comes by itself."""


SCHEDULE_KINDS: tuple[CommandKind, ...] = (
    CommandKind("schedule.create", _create, find_schedule, check_free, _settle),
    CommandKind("schedule.update", _update, find_marked, check_running, _settle),
    CommandKind("schedule.release", _release, find_released, check_running, _settle),
)
