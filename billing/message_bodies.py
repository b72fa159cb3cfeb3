"""What a message of the outbox is for the other side: Slack's blocks, or an event as JSON. The same for the same message each time."""

import json
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID

from billing import slack_blocks
from billing.action_links import alert_links
from store.outgoing_mails import OutgoingMail

LINKS_LAST = timedelta(days=14)


@dataclass(frozen=True)
class MessageBodies:
    """Adds to what stands in the outbox the links into this installation, which are made when it is sent and kept nowhere.

    Whoever reads a Slack channel may follow its links, so they act in the channel's name. A webhook is sent no link that acts.
    """

    public_url: str
    link_secret: bytes = field(repr=False)

    def body(self, message: OutgoingMail) -> bytes:
        """The request's body, in ASCII."""
        data: dict[str, Any] = json.loads(message.text_body)
        alert = data.get("alert")
        if message.channel == "slack":
            links = {"open": f"{self.public_url}/spikes"}
            if alert is not None:
                ends = message.asked_at + LINKS_LAST
                alert_id = UUID(alert["alert_id"])
                links = dict(alert_links(self.public_url, self.link_secret, alert_id, message.stop_key, ends).items())
            return _json(slack_blocks.payload(message.kind, data, links))
        data["url"] = f"{self.public_url}/spikes" + (f"?alert={alert['alert_id']}" if alert else "")
        at = message.asked_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return _json({"type": message.kind, "timestamp": at, "data": data})


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
