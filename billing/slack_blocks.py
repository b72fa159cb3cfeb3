"""A message about alerts as Slack shows it: a sentence, what is at stake, what it is made of, and links to answer it. Pure.

Answers are links and not Slack's buttons: an incoming webhook has nobody who would take a button's call, and Slack marks such a button
as broken.
"""

from collections.abc import Mapping
from typing import Any

from billing.report_words import money_exact

LONGEST_TEXT, LONGEST_HEADER, MOST_LINES = 2900, 150, 8
HEADLINES = {
    "alert.opened": "New alert",
    "alert.worsened": "Much worse",
    "alert.resolved": "Resolved",
    "alerts.more": "More alerts",
    "channel.test": "A test",
}
ANSWERS = {
    "confirm": "Confirm",
    "expected": "Expected",
    "planned": "Planned until …",
    "snooze": "Snooze",
    "not_an_issue": "Not an issue",
}


def payload(kind: str, data: Mapping[str, Any], links: Mapping[str, str]) -> dict[str, object]:
    """The body for an incoming webhook. Links are not previewed: a preview asks for them, and nobody meant to."""
    headline = HEADLINES[kind]
    blocks: list[dict[str, object]] = [_header(headline), _section(escape(str(data["sentence"])))]
    alert = data.get("alert")
    if alert is not None:
        lines = [_stake(alert), *(f"• {_part(part, alert['currency'])}" for part in alert["split"][:MOST_LINES])]
        blocks.append(_section("\n".join(line for line in lines if line)))
        children = data.get("children", [])
        if children:
            shown = [f"• {escape(str(child['sentence']))}" for child in children[:MOST_LINES]]
            hidden = len(children) - len(shown)
            blocks.append(_section("\n".join(["*Through*", *shown, *([f"and {hidden} more"] if hidden else [])])))
    blocks.append(_section(" · ".join(_links(kind, links))))
    return {
        "text": _cut(f"{headline}: {escape(str(data['sentence']))}", LONGEST_TEXT),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escape(text: str) -> str:
    """Text that mentions nobody and links nowhere, whatever a customer is called; in one line."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    # Slack reads these as bold, italic, struck and code where words stand between two of them.
    for sign in "*_~`":
        text = text.replace(sign, f"{sign}\N{ZERO WIDTH SPACE}")
    return " ".join(text.split())


def _stake(alert: Mapping[str, Any]) -> str:
    if alert["impact_minor"] is None:
        return ""
    days = (
        alert["first_day"]
        if alert["first_day"] == alert["last_day"]
        else f"{alert['first_day']} to {alert['last_day']}"
    )
    running = ", the last day still running" if alert["is_provisional"] else ""
    # Other detectors' impact is what their rule says is at stake, with nothing expected beside it.
    measure = "against what was expected" if alert["detector"] == "cost_spike" else "at stake"
    return f"*{money_exact(alert['impact_minor'], alert['currency'])}* {measure} ({days}{running})"


def _part(part: Mapping[str, Any], currency: str) -> str:
    return f"{escape(str(part['label']))} {money_exact(part['impact_minor'], currency)}"


def _links(kind: str, links: Mapping[str, str]) -> list[str]:
    answers = {} if kind == "alert.resolved" else ANSWERS
    return [f"<{links[key]}|{words}>" for key, words in {"open": "*Open*", **answers}.items() if key in links]


def _header(text: str) -> dict[str, object]:
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(text, LONGEST_HEADER)}}


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, LONGEST_TEXT)}}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
