"""A daily mail as its reader gets it: HTML and text of the same words, with links that act in the reader's name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined

from billing import action_links, digest_charts
from billing.action_links import Verb
from billing.digest import Digest, Line
from billing.digest_sections import card, figures, foot, health, line, quality
from billing.digest_words import counted, subject_line, verdict
from billing.mails import InlineImage
from billing.recovery_letters import Letter
from pricing.alert_explanation import Explanation

MOST_CHARTS = 3
LINKS_LAST = timedelta(days=14)
# To leave a list must not end before the mails that offer it are thrown away.
LEAVING_LASTS = timedelta(days=366)
ACTIONS: tuple[tuple[str, Verb], ...] = (
    ("It is real", "confirm"),
    ("Expected", "expected"),
    ("Planned until\u2026", "planned"),
    ("Snooze a week", "snooze"),
    ("Not an issue", "not_an_issue"),
)

_templates = PackageLoader("billing", "mail_templates")
_html = Environment(loader=_templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_text = Environment(
    loader=_templates,
    autoescape=False,  # noqa: S701 - plain text has no markup
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Styles go into the tags for readers that drop <style>; the block stays for phones and dark screens.
_inliner = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


@dataclass(frozen=True)
class Reader:
    """Whom a letter goes to. `may_act`: their role may answer alerts, so the letter has the links that do.

    `secret` signs links of this tenant; `public_url` is where people reach the pages, without a slash at its end.
    """

    address: str
    may_act: bool
    public_url: str
    secret: bytes

    def link(self, verb: Verb, alert_id: UUID | None, made_at: datetime) -> str:
        """The address of an action in this reader's name."""
        ends_at = made_at + (LEAVING_LASTS if verb == "unsubscribe" else LINKS_LAST)
        return action_links.link(self.public_url, self.secret, verb, alert_id, self.address, ends_at)

    def page(self, alert_id: UUID | None = None) -> str:
        """The Spikes page, opened at an alert."""
        return f"{self.public_url}/spikes" + (f"?alert={alert_id}" if alert_id else "")


def charts(digest: Digest) -> dict[UUID, InlineImage]:
    """The pictures of the first alerts in full that have days to show; the same for every reader."""
    made: dict[UUID, InlineImage] = {}
    for each in (*digest.news.lines["new"], *in_full(digest)):
        alert, explanation = each.told.alert, each.told.explanation
        if len(made) < MOST_CHARTS and explanation is not None and digest_charts.can_draw(explanation.days):
            content = digest_charts.picture(explanation.days, alert.unit, alert.currency)
            made[alert.alert_id] = InlineImage(f"chart-{len(made) + 1}", "image/png", content)
    return made


def in_full(digest: Digest) -> tuple[Line, ...]:
    """On a day without a new alert, the largest that goes on: what the mail is about is shown with its why once more."""
    ongoing = digest.news.lines["ongoing"][:1]
    is_spike = any(isinstance(each.told.explanation, Explanation) for each in ongoing)
    return ongoing if is_spike and not digest.news.lines["new"] else ()


def letter(digest: Digest, reader: Reader, images: Mapping[UUID, InlineImage], *, now: datetime) -> Letter:
    """The mail for one reader. The same arguments make the same letter, byte for byte."""
    subject, goes_on = subject_line(digest), in_full(digest)
    told = {
        "subject": subject,
        "company": digest.company,
        "day": f"{digest.day:%A}, {digest.day.day} {digest.day:%B %Y}",
        "verdict": verdict(digest),
        "figures": figures(digest),
        "cards": [_with_links(card(each, images), each, reader, now) for each in digest.news.lines["new"]],
        "goes_on": [_with_links(card(each, images), each, reader, now) for each in goes_on],
        "ongoing": [
            _with_links(line(each), each, reader, now) for each in digest.news.lines["ongoing"] if each not in goes_on
        ],
        "resolved": [_with_links(line(each), each, reader, now) for each in digest.news.lines["resolved"]],
        "left_out": _left_out(digest),
        "spikes_url": reader.page(),
        "health": health(digest),
        "quality": quality(digest),
        "foot": foot(digest, reader.address, now + LINKS_LAST),
        "unsubscribe_url": reader.link("unsubscribe", None, now),
        "settings_url": f"{reader.public_url}/notifications",
    }
    html = _inliner.inline(_html.get_template("digest.html").render(told))
    return Letter(subject, _text.get_template("digest.txt").render(told), html)


def headers(reader: Reader, sender_host: str, *, now: datetime) -> dict[str, str]:
    """How to leave the list, for the button that mail programs show (RFC 2369, RFC 8058), and which list it is (RFC 2919)."""
    return {
        "List-Id": f"<daily.metering.{sender_host}>",
        "List-Unsubscribe": f"<{reader.link('unsubscribe', None, now)}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _with_links(words: dict[str, Any], each: Line, reader: Reader, now: datetime) -> dict[str, Any]:
    alert_id = each.told.alert.alert_id
    may_act = reader.may_act and each.told.alert.is_open
    actions = [(label, reader.link(verb, alert_id, now)) for label, verb in ACTIONS] if may_act else []
    return {**words, "url": reader.page(alert_id), "actions": [*actions, ("Open", reader.page(alert_id))]}


def _left_out(digest: Digest) -> str | None:
    news = digest.news
    parts = [f"{count} more {part}" for part, count in news.left_out.items() if count]
    if news.small:
        parts.append(f"{news.small} below the least impact")
    if news.snoozed:
        parts.append(counted(news.snoozed, "snoozed", "snoozed"))
    return f"Not shown here: {', '.join(parts)}." if parts else None
