"""What a link in a message does to its alert: in whose name, whether it was done already, doing it, and taking it back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from billing import alerts, digest_settings
from billing.action_links import Action, Verb
from billing.principals import ROLES, Principal, Role
from store import alert_reads, digests, message_channels, outgoing_mails
from store.alert_reads import StoredAlert
from store.database import Connection
from store.steps import Step, read_steps

LONGEST_PLAN = timedelta(days=366)
SNOOZE_DAYS = (1, 3, 7, 14)
# As what the deed writes its step down.
STEPS: dict[Verb, str] = {
    "confirm": "confirmed",
    "expected": "expected",
    "planned": "planned",
    "not_an_issue": "not an issue",
    "snooze": "snoozed",
    "reopen": "reopened",
}
CHANNEL_ROLE: Role = "support"  # of whoever reads a channel: it answers alerts, and does nothing that a lead must do


@dataclass(frozen=True)
class Standing:
    """An alert as a link finds it. `step` is who did what the link does, where it is done already."""

    alert: StoredAlert
    is_done: bool
    step: Step | None


def principal_of(connection: Connection, recipient: str, *, said_name: str = "") -> Principal | None:
    """In whose name a link acts; None for somebody who left the list, and for a channel that is off.

    A channel's link is followed by whoever reads the channel, so they say their name, which is theirs to say and marked as such.
    """
    channel = next(
        (
            each
            for each in message_channels.configured(connection)
            if outgoing_mails.stop_key(each.kind, each.name) == recipient
        ),
        None,
    )
    if channel is not None:
        is_off = outgoing_mails.stop_reason(connection, recipient) is not None
        name = " ".join(said_name.split())[:60]
        return None if is_off else Principal(f"{name or 'somebody'} in {channel.name}", CHANNEL_ROLE)
    person = digests.recipient(connection, recipient)
    if person is None or not person.is_on:
        return None
    role: Role = next((role for role in ROLES if role == person.role), "viewer")
    return Principal(person.name or f"recipient {digest_settings.address_hash(recipient)[:8]}", role)


def is_channel(recipient: str) -> bool:
    """Whether whoever follows the link is one of many."""
    return "@" not in recipient


def standing(connection: Connection, action: Action, now: datetime) -> Standing | None:
    """How the alert stands; None when this company has no such alert."""
    alert = None if action.alert_id is None else alert_reads.one(connection, action.alert_id)
    if alert is None:
        return None
    if not _is_done(action.verb, alert, now):
        return Standing(alert, is_done=False, step=None)
    steps = [step for step in read_steps(connection, "alert", alert.alert_id) if step.step == STEPS[action.verb]]
    return Standing(alert, is_done=True, step=steps[-1] if steps else None)


def answer(
    connection: Connection,
    tenant_id: UUID,
    action: Action,
    *,
    until: date | None,
    days: int | None,
    principal: Principal,
    now: datetime,
) -> StoredAlert:
    """Do what the link says. `until` is the last UTC day of a plan, `days` how long a snooze lasts.

    Raises AlertNotFound and AlertRefused, the latter also where the link's page did not ask for what is missing.
    """
    alert_id = cast("UUID", action.alert_id)
    note = (
        f"By a link in {action.recipient.partition(':')[0]}."
        if is_channel(action.recipient)
        else "By a link in the daily mail."
    )
    match action.verb:
        case "planned":
            if until is None or until > (now + LONGEST_PLAN).date():
                raise alerts.AlertRefused("Say until which day it is planned: today or later, and within a year.")
            return alerts.plan_until(connection, tenant_id, alert_id, until, principal=principal, now=now, note=note)
        case "snooze":
            if days not in SNOOZE_DAYS:
                raise alerts.AlertRefused(f"Choose for how many days: {', '.join(map(str, SNOOZE_DAYS))}.")
            ends = now + timedelta(days=days)
            return alerts.snooze(connection, tenant_id, alert_id, ends, principal=principal, now=now, note=note)
        case "confirm":
            deed = alerts.confirm
        case "expected":
            deed = alerts.mark_expected
        case "not_an_issue":
            deed = alerts.mark_not_an_issue
        case "reopen":
            deed = alerts.reopen
        case "unsubscribe":
            raise alerts.AlertRefused("This link is about mails and not about an alert.")
    return deed(connection, tenant_id, alert_id, principal=principal, now=now, note=note)


def take_back(
    connection: Connection, tenant_id: UUID, action: Action, *, principal: Principal, now: datetime
) -> StoredAlert:
    """Undo what the link did. Raises AlertNotFound, AlertRefused."""
    alert_id = cast("UUID", action.alert_id)
    return alerts.reopen(
        connection, tenant_id, alert_id, principal=principal, now=now, note="Undone by the link that did it."
    )


def _is_done(verb: Verb, alert: StoredAlert, now: datetime) -> bool:
    is_snoozed = alert.snoozed_until is not None and alert.snoozed_until > now
    match verb:
        case "confirm":
            return alert.verdict == "confirmed"
        case "snooze":
            return is_snoozed
        case "reopen":
            return alert.verdict is None and not is_snoozed
        case _:
            return alert.verdict == verb
