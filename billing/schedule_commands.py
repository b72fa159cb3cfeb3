"""The commands of subscription schedules: put a subscription under one, say what it does when, let the subscription go."""

from datetime import datetime
from uuid import UUID

from billing import observers, schedule_phases
from billing.commands import Command, CommandKind, Intent, Raw, ReadStripe, Request, submit
from billing.principals import SYSTEM, principal_of
from billing.subscription_changes import ENDED, terms
from billing.subscription_commands import MARK
from store import audit
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
    if found.get("schedule"):
        return f"The subscription already has the schedule {found['schedule']}."
    is_as_seen = "then" not in command.params or terms(found) == command.params["expected"]["items"]
    return None if is_as_seen else f"The subscription {found['id']} was changed since it was looked at."


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


def settle(connection: Connection, tenant_id: UUID, command: Command, now: datetime) -> None:
    """Mirror the schedule that Stripe answered with; one that was made for a planned change is told its phases next.

    Both in the transaction that records the answer: the second command is written down exactly when the first is done.
    """
    answer = dict(command.answer or {})
    if command.state != "succeeded" or answer.get("object") != "subscription_schedule":
        return
    observers.take_in(connection, tenant_id, [answer], now)
    if command.kind != "schedule.create" or "then" not in command.params:
        return
    expected = command.params["expected"]
    planned = schedule_phases.with_switch(answer, expected["items"], command.params["then"])
    if planned is None:
        said = {"schedule": answer["id"], "why": "The subscription was changed by somebody else at the same moment."}
        audit.append(
            connection,
            at=now,
            principal=str(SYSTEM),
            action="schedule:not_planned",
            subject=command.subject,
            after=said,
        )
        return
    told = {"request": {"phases": planned, "end_behavior": "release"}, "expected": expected}
    key = f"{command.subject}:schedule.update:{command.command_id}"
    intent = Intent("schedule.update", key, command.subject, answer["id"], told)
    submit(connection, tenant_id, intent, principal=principal_of(command.requested_by), now=now)


SCHEDULE_KINDS: tuple[CommandKind, ...] = (
    CommandKind("schedule.create", _create, find_schedule, check_free, settle),
    CommandKind("schedule.update", _update, find_marked, check_running, settle),
    CommandKind("schedule.release", _release, find_released, check_running, settle),
)
