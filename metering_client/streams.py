"""What a stream of an answer's events comes to: the one body from which its usage can be read."""

from collections.abc import Mapping

from metering_client.usage_of import as_record
from metering_client.values import Record

# The last events of OpenAI's Responses, which hold the whole answer.
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


class Gathered:
    """Takes the events of a stream one after the other; `body` is None while none of them has told any usage."""

    def __init__(self) -> None:
        self.body: Record | None = None

    def take(self, event: object) -> None:
        """One event, as a map or an SDK's object.

        Anthropic says the input at the beginning and the output so far with each delta; Google and OpenAI's chat say everything with
        the last event that has usage, OpenAI's Responses with the last of all.
        """
        kind = _part(event, "type")
        if kind == "message_start":
            self.body = as_record(_part(event, "message"))
        elif kind == "message_delta":
            told = _part(event, "usage")
            if self.body is not None and told is not None:
                newer = {name: value for name, value in as_record(told).items() if value is not None}
                held = self.body.get("usage")
                self.body = {**self.body, "usage": {**(held if isinstance(held, Mapping) else {}), **newer}}
        elif kind in _ENDS:
            self.body = as_record(_part(event, "response"))
        elif any(_part(event, name) for name in ("usage", "usage_metadata", "usageMetadata")):
            self.body = as_record(event)


def _part(event: object, name: str) -> object:
    return event.get(name) if isinstance(event, Mapping) else getattr(event, name, None)
