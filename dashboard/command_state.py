"""What became of a change at Stripe, in one sentence for whoever pressed the button."""

from datetime import datetime

from billing.commands import Command
from dashboard import wording

ICONS = {
    "waiting": ":material/schedule:",
    "sending": ":material/sync:",
    "unknown": ":material/help:",
    "succeeded": ":material/check_circle:",
    "refused": ":material/block:",
    "canceled": ":material/undo:",
    "needs_review": ":material/person_alert:",
}


def command_line(command: Command, now: datetime) -> str:
    """An icon and a sentence in Markdown; Stripe's own words stand in it where it said no. `now` has a zone."""
    return f"{ICONS[command.state]} {wording.escape(_sentence(command, now))}"


def _sentence(command: Command, now: datetime) -> str:
    trouble = f" ({command.last_trouble})" if command.last_trouble else ""
    refusal = command.refusal or {}
    said = refusal.get("sentence", "no reason was given")
    since = wording.ago(command.first_sent_at or command.requested_at, now)
    sentences = {
        "waiting": f"Not sent yet, tried again shortly{trouble}."
        if command.troubles
        else "Written down; it is sent to Stripe in a moment.",
        "sending": f"Sent to Stripe {since}; its answer is awaited{trouble}.",
        "unknown": f"Stripe failed in the middle, so its effect is looked for before anything is sent again{trouble}.",
        "succeeded": f"Done at Stripe{f' as {command.answer_id}' if command.answer_id else ''}.",
        "refused": f"Not sent: {said}" if refusal.get("code") == "precondition" else f"Stripe refused: {said}",
        "canceled": "Taken back before it was sent.",
        "needs_review": f"Given up after {command.troubles} tries: a person has to look at it{trouble}.",
    }
    return sentences[command.state]
