"""Messages about alerts: what the channels are told after a run, each thing once, and what is looked at just before it is sent."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from textwrap import shorten
from typing import Any
from uuid import UUID

from billing import mails
from billing.alert_news import FRESH, MOST, News, Said, Worst, is_silent, news
from billing.mails import Mail
from billing.principals import SYSTEM
from billing.report_words import money_exact
from pricing.alert_explanation import Explanation, from_document
from store import alert_reads, message_channels, outgoing_mails
from store.alert_reads import StoredAlert
from store.database import Connection
from store.message_channels import KnownChannel
from store.outgoing_mails import OutgoingMail

OPENED, WORSENED, RESOLVED, MORE = "alert.opened", "alert.worsened", "alert.resolved", "alerts.more"
# Longer than an alert stays news, so that whatever was said of it is found.
LOOKED_BACK = FRESH + timedelta(days=2)
EVENT_WORDS = {OPENED: "new", WORSENED: "much worse", RESOLVED: "resolved"}


def announce(
    connection: Connection, tenant_id: UUID, changed_alerts: Sequence[StoredAlert], *, now: datetime
) -> list[OutgoingMail]:
    """Put what is news about these alerts into the outbox, for every channel that is on; returns the messages.

    New alerts, those whose worst day has at least doubled, and those that ended after they were told of; children are lines of their
    parent's message; beyond a few a run sums the rest in one. Said once each: called again with the same alerts it returns nothing.
    """
    channels = [
        channel
        for channel in message_channels.configured(connection)
        if mails.why_not(connection, channel.name, channel.kind) is None
    ]
    if not channels or not changed_alerts:
        return []
    others = _above(connection, changed_alerts)
    worst = _worst(connection, changed_alerts)
    about = outgoing_mails.about(connection, [_subject(alert.alert_id) for alert in changed_alerts])
    lately = outgoing_mails.of_kinds(connection, (OPENED, WORSENED, MORE), since=now - LOOKED_BACK)
    asked = []
    for channel in channels:
        told = [row for row in (*about, *lately) if (row.channel, row.recipient) == (channel.kind, channel.name)]
        found = news(changed_alerts, others, worst, _said(told), now)
        messages = [_message(each, channel) for each in found[:MOST]]
        if found[MOST:]:
            messages.append(_summed(found[MOST:], channel))
        known = outgoing_mails.of_keys(connection, [message.key for message in messages])
        messages = [message for message in messages if message.key not in known]
        asked += [mails.ask(connection, tenant_id, message, principal=SYSTEM, now=now) for message in messages]
    return asked


def why_withdrawn(connection: Connection, mail: OutgoingMail, now: datetime) -> str | None:
    """Why a message that has waited is not sent any more: somebody has answered the alert in the meantime."""
    alert = alert_reads.one(connection, UUID(json.loads(mail.text_body)["alert"]["alert_id"]))
    if alert is None:
        return "There is no such alert any more."
    if is_silent(alert, now):
        return f"It was answered before it could be sent: {alert.verdict or 'snoozed'}."
    return None


def _above(connection: Connection, changed: Sequence[StoredAlert]) -> dict[UUID, StoredAlert]:
    """The alerts that explain changed ones, up to the top, that are not among them."""
    found: dict[UUID, StoredAlert] = {}
    known = {alert.alert_id for alert in changed}
    wanted = {alert.parent_alert_id for alert in changed}
    while wanted := {each for each in wanted if each is not None and each not in known}:
        known |= wanted
        parents = [alert_reads.one(connection, each) for each in wanted]
        found |= {alert.alert_id: alert for alert in parents if alert is not None}
        wanted = {alert.parent_alert_id for alert in parents if alert is not None}
    return found


def _worst(connection: Connection, changed: Sequence[StoredAlert]) -> dict[UUID, Worst]:
    days = alert_reads.days_of(connection, [alert.alert_id for alert in changed])
    found = {}
    for alert in changed:
        impacts = [day.impact_minor for day in days.get(alert.alert_id, []) if not day.is_taken_back]
        known = [impact for impact in (*impacts, *(() if impacts else (alert.impact_minor,))) if impact is not None]
        found[alert.alert_id] = Worst(max(known, key=abs, default=None), alert.peak_score)
    return found


def _said(told: Sequence[OutgoingMail]) -> Said:
    mentioned: set[UUID] = set()
    own: dict[UUID, tuple[Worst, int]] = {}
    for row in sorted(told, key=lambda each: each.asked_at):
        data = json.loads(row.text_body)
        mentioned |= {UUID(each["alert_id"]) for each in (*data.get("children", []), *data.get("alerts", []))}
        if row.kind in {OPENED, WORSENED}:
            alert_id = UUID(data["alert"]["alert_id"])
            first = own.get(alert_id, (Worst(data["worst_day_minor"], data["peak_score"]), 0))
            own[alert_id] = (first[0], max(first[1], data["doublings"]))
    return Said(frozenset(mentioned | set(own)), own)


def _message(each: News, channel: KnownChannel) -> Mail:
    alert = each.alert
    if each.event == RESOLVED:
        assert alert.resolved_at is not None, "the database's own rule"
        occasion = f"resolved:{alert.resolved_at.isoformat()}"
    else:
        occasion = f"{each.event.removeprefix('alert.')}:{each.level}"
    data = {
        "sentence": _sentence(each),
        "alert": alert_data(alert),
        "children": [alert_data(child) for child in each.children],
        "worst_day_minor": each.worst.impact_minor,
        "peak_score": each.worst.score,
        "doublings": each.level,
    }
    key = f"alert:{alert.alert_id}:{occasion}:{channel.kind}:{channel.name}"
    return _mail(key, each.event, _subject(alert.alert_id), channel, data)


def _sentence(each: News) -> str:
    """The alert's own sentence; of one that is over, why it is."""
    if each.event == RESOLVED:
        return f"Over since {each.alert.last_day:%Y-%m-%d}: {each.alert.sentence}"
    return each.alert.sentence


def _summed(rest: Sequence[News], channel: KnownChannel) -> Mail:
    """One message for all that were too many."""
    counts = {event: sum(each.event == event for each in rest) for event in EVENT_WORDS}
    told = ", ".join(f"{count} {EVENT_WORDS[event]}" for event, count in counts.items() if count)
    by_currency: dict[str, int] = {}
    for each in rest:
        if each.event != RESOLVED and each.alert.impact_minor is not None:
            by_currency[each.alert.currency] = by_currency.get(each.alert.currency, 0) + each.alert.impact_minor
    stake = "".join(f", together {money_exact(total, currency)}" for currency, total in by_currency.items() if total)
    data = {
        "sentence": f"And {len(rest)} more: {told}{stake}.",
        "alerts": [{"alert_id": str(each.alert.alert_id), "event": each.event} for each in rest],
    }
    named = json.dumps(sorted(f"{each.alert.alert_id} {each.event} {each.level}" for each in rest))
    key = f"alerts:more:{hashlib.sha256(named.encode()).hexdigest()[:32]}:{channel.kind}:{channel.name}"
    return _mail(key, MORE, "alerts", channel, data)


def _mail(key: str, kind: str, about: str, channel: KnownChannel, data: Mapping[str, Any]) -> Mail:
    subject = shorten(str(data["sentence"]), 200, placeholder=" …")
    return Mail(key, kind, about, channel.name, subject, json.dumps(data), channel=channel.kind)


def alert_data(alert: StoredAlert) -> dict[str, Any]:
    """What a message holds of an alert (docs/notifications.md). Amounts of the unit are texts: pico-USD are more than JSON's readers hold."""
    split = []
    if alert.explanation is not None:
        explanation = from_document(alert.explanation)
        if isinstance(explanation, Explanation):
            split = [
                {"name": part.name, "label": part.label, "impact_minor": part.minor}
                for part in explanation.drivers
                if part.minor
            ]
    return {
        "alert_id": str(alert.alert_id),
        **{
            name: getattr(alert, name)
            for name in ("detector", "scope", "customer_id", "provider", "model", "feature", "name", "state", "is_rise")
        },
        "is_provisional": alert.is_provisional,
        "first_day": alert.first_day.isoformat(),
        "last_day": alert.last_day.isoformat(),
        "unit": alert.unit,
        **{
            name: None if getattr(alert, name) is None else str(getattr(alert, name))
            for name in ("actual", "expected", "lower", "upper")
        },
        "impact_minor": alert.impact_minor,
        "currency": alert.currency,
        "sentence": alert.sentence,
        "split": sorted(split, key=lambda part: -abs(part["impact_minor"])),
    }


def _subject(alert_id: UUID) -> str:
    return f"alert:{alert_id}"
