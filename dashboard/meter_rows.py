"""What the Meters page says of rules, events and differences, in words and rows: pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from billing import meter_rules
from billing.meter_replay import Replay
from dashboard import wording
from pricing.usage import TOKEN_BUCKETS
from store.meter_differences import Compared, Difference
from store.meter_ledger import MeterEvent, StoredRule
from store.meter_reads import InState, Progress, Trouble

# A word, a color and an icon, so that none is told by color alone.
MODES = {
    "live": ("live", "green", ":material/sensors:"),
    "shadow": ("shadow", "blue", ":material/visibility:"),
    "off": ("off", "gray", ":material/pause:"),
}
SINKS = {"stripe_v1": "Stripe, one call an event", "stripe_v2": "Stripe's stream", "file": "a file"}
STATES = {
    "pending": "written down, not sent yet",
    "sending": "on its way, no answer yet",
    "unknown": "no answer for 23 hours; Stripe's sum of that day decides",
    "sent": "Stripe took it and has not summed it up yet",
    "accepted": "in Stripe's sum",
    "rejected": "Stripe refused it; replay it once the cause is mended",
    "too_late": "older than 35 days, which no meter takes; bill it as an invoice item",
    "canceling": "being taken back",
    "canceled": "taken back, as too much was told",
    "lost": "Stripe's sum proves that it is not there; told anew",
    "replayed": "was refused, and is told anew",
    "shadow": "in the shadow: not sent, only compared",
}
DRIFTS = {"seen": "seen once", "sent_again": "sent again", "reported": "reported"}
ROUNDED = (
    "Small differences come from rounding: a rule rounds a whole billing period down once; who rounds each day or call down "
    "tells Stripe less."
)
DAYS_THAT_DIFFER = (
    "Days of one customer on which Stripe has more or less than was told, or than a rule in the shadow would tell. "
    "Beside them those of customers without a metered price, whose usage nobody bills by a meter."
)


def badge(mode: str) -> str:
    """The mode in a badge, in Markdown."""
    word, color, icon = MODES[mode]
    return f":{color}-badge[{icon} {word}]"


def facts(stored: StoredRule) -> str:
    """What a rule counts, to which unit, where it tells it and from when, in Markdown."""
    rule = stored.rule
    per = "each is a unit" if rule.per == 1 else f"{rule.per:,} to the unit"
    only = [f"only {name} {value}" for name in ("provider", "model", "feature") if (value := getattr(rule, name))]
    counted = " + ".join(name.replace("_", " ") for name in rule.counted)
    if set(rule.counted) == set(TOKEN_BUCKETS):
        counted = "all tokens, in and out"
    parts = [counted, per, *only, f"told by the {rule.window} to {SINKS[stored.sink]}"]
    since = f"usage from {wording.moment_of(rule.starts_at)} on"
    return " · ".join(wording.escape(part) for part in (*parts, since))


def consequence(stored: StoredRule, mode: str, unsent_events: int, now: datetime) -> str:
    """What switching a rule to this mode does, in plain text. `now` has a zone."""
    event_name = stored.rule.event_name
    waiting = ""
    if unsent_events:
        waiting = (
            f" {wording.count(unsent_events, 'event')} written down and not sent yet would wait until it is live again."
        )
    if mode == "live":
        since = wording.moment_of(meter_rules.next_hour(now))
        if stored.sink == "file":
            return f"Usage from {since} on is written to the rule's file for another system to bill. What was before is not."
        return (
            f"Customers are billed by it: usage from {since}, the next full hour, is told to Stripe as {event_name}. "
            f"What was before is not told. Whoever tells this meter now must stop at the same hour, or usage counts twice."
        )
    if mode == "shadow":
        return (
            f"Nothing is told to Stripe any more: usage is only worked out and compared, and customers are not billed by this rule.{waiting}"
            if stored.mode == "live"
            else "Usage is worked out again and compared with what Stripe has; nothing is sent, nobody is billed by it."
        )
    if stored.mode == "live":
        return f"Usage is neither told nor compared any more: customers are not billed by this rule.{waiting}"
    return "Usage is neither worked out nor compared any more. What was written down stays."


def tiles(found: Progress, now: datetime) -> tuple[tuple[str, str, str, str], ...]:
    """Label, value, line below and explanation of each tile. `now` has a zone."""
    until = "No usage was told yet."
    if found.newest_told is not None:
        until = f"The newest usage that was told is of {wording.moment_of(found.newest_told)}."
    lag, waits = "none", "all is told"
    if found.oldest_unsent_at is not None:
        lag = wording.ago(found.oldest_unsent_at, now).removesuffix(" ago").replace("just now", "under 2 minutes")
        waits = f"{wording.count(found.unsent_units, 'unit')} wait"
    elif not found.live_rules:
        lag, waits = wording.UNKNOWN, "no rule is live"
    refused = f"of {wording.count(found.rejected_units, 'unit')}" if found.rejected_events else "all was taken"
    others = f"and {found.unbilled_days:,} unbilled" if found.unbilled_days else "no unbilled ones"
    told = (
        f"Told in each customer's running billing period: {found.accepted_units:,} are in Stripe's sums (accepted), "
        f"{found.sent_units:,} were sent and are not summed up yet."
    )
    accepted = f"{wording.quantity(found.accepted_units)} accepted"
    return (
        ("Lag", lag, waits, f"How long the oldest event waits that is due and that Stripe has not taken. {until}"),
        ("Units this period", wording.quantity(found.told_units), accepted, told),
        ("Rejected events", f"{found.rejected_events:,}", refused, "Events that Stripe refused, at once or later."),
        ("Days that differ", f"{found.differing_days:,}", others, DAYS_THAT_DIFFER),
    )


def state_rows(found: Sequence[InState]) -> list[dict[str, Any]]:
    """Events by state, as cells."""
    return [
        {
            "Rule": one.rule_id,
            "State": one.state.replace("_", " "),
            "Events": one.events,
            "Units": one.units,
            "Means": STATES[one.state],
        }
        for one in found
    ]


def trouble_line(found: Trouble) -> str:
    """An event in trouble: whose, which, Stripe's sentence and code, in Markdown."""
    icon = ":red[:material/error:]" if found.state in {"rejected", "too_late"} else ":orange[:material/warning:]"
    code = f" ({found.code})" if found.code else ""
    about = f"{wording.count(found.units, 'unit')} of {wording.moment_of(found.window_start)}"
    return (
        f"{icon} **{wording.escape(found.name or found.customer_id)}** · {found.state.replace('_', ' ')} · {wording.escape(about)}  \n"
        f"{wording.escape((found.sentence or 'Nobody said why.') + code)}  \n"
        f":small[:gray[{wording.escape(found.rule_id)} · {wording.moment_of(found.at)}]]"
    )


def compared_rows(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """Customers that differ, as cells."""
    return [
        {
            "Customer": one.name or one.customer_id,
            "Days": one.days,
            "Units at Stripe": one.stripe_units,
            "Units by usage": one.told_units,
            "Units apart": f"{one.beyond_units:+,}".replace("-", wording.MINUS),
            "Of all units": wording.percent(one.share, 2),
        }
        for one in found
    ]


def day_rows(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """Days that differ, as cells."""
    return [
        {
            "Day (UTC)": one.day.isoformat(),
            "Customer": one.name or one.customer_id,
            "What": one.sentence,
            "State": DRIFTS[one.state],
            "Since": wording.moment_of(one.first_seen_at),
        }
        for one in found
    ]


def event_rows(found: Sequence[MeterEvent]) -> list[dict[str, Any]]:
    """Refused events, as cells."""
    return [
        {
            "Window (UTC)": f"{event.window_start:%Y-%m-%d %H:%M}",
            "Customer": event.customer_id,
            "Units": event.units,
            "Stripe said": event.last_trouble or wording.UNKNOWN,
        }
        for event in found
    ]


def replay_sentences(found: Replay, mode: str) -> list[str]:
    """What a replay would do, in plain text: told anew, not told and why."""
    events, units = wording.count(len(found.again), "event"), wording.count(found.units, "unit")
    said = [f"{events} of {units} would be told anew, as the usage of their windows comes to then."]
    if found.too_old:
        old = wording.count(len(found.too_old), "event")
        said.append(
            f"Not told, as no meter takes windows of more than 35 days ago: {old}; bill that as an invoice item."
        )
    if found.before_the_rule:
        early = wording.count(len(found.before_the_rule), "event")
        said.append(f"Not told, as the rule went live after their windows: {early}.")
    if mode != "live":
        said.append(f"The rule is {mode}, so nothing would be told anew: switch it live first.")
    return said
