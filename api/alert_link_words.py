"""What the pages of links say: what a link will do, what was done by whom, and what to do where a link does nothing."""

from datetime import datetime
from typing import Any

from billing.action_links import Action, Verb
from billing.digest_words import amount
from billing.linked_answers import LONGEST_PLAN, SNOOZE_DAYS, Standing, is_channel
from billing.principals import Principal
from billing.report_words import money_exact

NOTHING = "This link does nothing"
INSTEAD = "Whatever it was for can be done on the page Spikes, by everybody who may answer alerts."
STOPPED = (
    "Whoever this link was sent to is not on the list any more, so it does nothing in their name. Nothing was changed."
)
NO_ALERT = "There is no such alert here. Nothing was changed."

# What the page asks, what its button says, what that means, and what is said when it is done.
VERBS: dict[Verb, tuple[str, str, str, str]] = {
    "confirm": (
        "Is it real?", "It is real", "It stays open until its days end, and smaller changes of this kind are told from now on.",
        "It is confirmed as real",
    ),
    "expected": (
        "Is it the new normal?", "It is the new normal", "The alert ends, and this level counts as normal for six weeks.",
        "It is called the new normal",
    ),
    "planned": (
        "Is it planned?", "It is planned", "Nothing is said of it up to and including that day; then it is judged again.", "It is planned",
    ),
    "snooze": (
        "Keep it quiet?", "Keep it quiet", "Nothing is said of it for so long, unless a day is twice as large as any so far.",
        "It is kept quiet",
    ),
    "not_an_issue": (
        "Is it no issue?", "It is no issue", "The alert ends, and the next one of this kind takes more.", "It is called no issue",
    ),
    "reopen": (
        "Take the answer back?", "Take it back", "What was answered is taken back, with what it changed.", "The answer was taken back",
    ),
}  # fmt: skip


def act_page(found: Standing, action: Action, who: Principal, now: datetime) -> dict[str, Any]:
    """The values of the template. Times are UTC."""
    alert = found.alert
    question, button, meaning, done = VERBS[action.verb]
    may = who.ranks_at_least("support")
    by_channel = is_channel(action.recipient)
    return {
        "title": "Done" if found.is_done else question,
        "sentence": alert.sentence,
        "facts": _facts(found),
        "done": _done(found, done) if found.is_done else None,
        "may_undo": action.verb != "reopen",
        "may_not": None
        if may
        else f"A {who.role} does not answer alerts: ask somebody in support, or a lead, to do it.",
        "meaning": meaning,
        "button": button,
        "asks_until": action.verb == "planned",
        "first_day": now.date().isoformat(),
        "last_day": (now + LONGEST_PLAN).date().isoformat(),
        "asks_days": SNOOZE_DAYS if action.verb == "snooze" else (),
        "asks_name": by_channel,
        "foot": f"You act as {'whom you say you are' if by_channel else who}. The link ends on {action.expires_at:%Y-%m-%d}.",
    }


def unsubscribe_page(address: str, *, is_on: bool) -> dict[str, Any]:
    """The values of the template, before and after."""
    if is_on:
        return {
            "title": "Get no more daily mail?",
            "words": f"The daily mail goes to {address}. Links in the mails that came so far will do nothing any more, either.",
            "button": "Send me no more",
        }
    return {
        "title": "You get no more daily mail",
        "words": f"No daily mail goes to {address}. Whoever set it up can put you on the list again, on the page Notifications.",
        "button": None,
    }


def _facts(found: Standing) -> list[tuple[str, str]]:
    alert = found.alert
    days = f"{alert.first_day}" if alert.first_day == alert.last_day else f"{alert.first_day} to {alert.last_day}"
    state = {"new": "new", "ongoing": "goes on", "resolved": "over"}[alert.state]
    answered = (alert.verdict or "").replace("_", " ")
    return [
        *([("Impact", money_exact(alert.impact_minor, alert.currency))] if alert.impact_minor is not None else []),
        ("Actual", amount(alert.actual, alert.unit, alert.currency)),
        ("Expected", _expected(found)),
        ("Days (UTC)", f"{days}{', still running' if alert.is_provisional else ''}"),
        ("State", state),
        *(
            [("Answered", f"{answered}{f' until {alert.planned_until}' if alert.planned_until else ''}")]
            if answered
            else []
        ),
        *([("Quiet until", f"{alert.snoozed_until:%Y-%m-%d %H:%M} UTC")] if alert.snoozed_until else []),
        *([("Assigned to", alert.assigned_to)] if alert.assigned_to else []),
    ]


def _expected(found: Standing) -> str:
    """As in: $135.00 ($110.00 to $160.00)."""
    alert = found.alert
    expected, lower, upper = (
        amount(value, alert.unit, alert.currency) for value in (alert.expected, alert.lower, alert.upper)
    )
    return expected if alert.lower is None or alert.upper is None else f"{expected} ({lower} to {upper})"


def _done(found: Standing, words: str) -> str:
    """As in: It is confirmed as real, by fay (founder) on 2026-03-01 at 07:12 UTC."""
    if found.step is None:
        return f"{words}."
    return f"{words}, by {found.step.who} on {found.step.at:%Y-%m-%d} at {found.step.at:%H:%M} UTC."
