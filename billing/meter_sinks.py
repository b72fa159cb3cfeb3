"""Where meter events go: Stripe's API v1, Stripe's stream of API v2, or a file."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from billing.commands import Done, Later, Outcome, Refused, Request, Unknown
from billing.meter_push import Delivered, InDoubt, MeterOutcome, Rejected
from store.meter_ledger import MeterEvent

LARGEST_STREAM = 100
# Stripe has no code for it: the sentence is all there is.
_KNOWN = "An event already exists with identifier"


class Gateway(Protocol):
    """What may speak to Stripe."""

    def send(self, request: Request, idempotency_key: str) -> Outcome:
        """Send one write request; every way it can end is an outcome."""
        ...


class StripeV1Sink:
    """One call for each event; Stripe says at once what it thinks of time and identifier, of the rest later."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def send(self, event_name: str, events: Sequence[MeterEvent]) -> list[MeterOutcome]:
        """Each event by itself."""
        return [self._one(event_name, event) for event in events]

    def _one(self, event_name: str, event: MeterEvent) -> MeterOutcome:
        params = body(event_name, event) | {"timestamp": int(event.window_start.timestamp())}
        # No two tries share an idempotency key: a stored answer would say nothing about the identifier.
        key = f"{event.identifier}.{event.attempts}"
        return outcome_of(self._gateway.send(Request("post", "/v1/billing/meter_events", params), key))

    def cancel(self, event_name: str, event: MeterEvent) -> MeterOutcome:
        """By an adjustment."""
        return _cancel(self._gateway, event_name, event)


class StripeV2Sink:
    """A hundred events a call on the stream, under the token of a session; Stripe judges them all later."""

    def __init__(self, gateway: Gateway, clock: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._clock = clock
        self._token: str | None = None
        self._ends_at: datetime | None = None

    def send(self, event_name: str, events: Sequence[MeterEvent]) -> list[MeterOutcome]:
        """By hundreds; a call that is refused is taken apart, so that one bad event does not hold up the others."""
        found: list[MeterOutcome] = []
        for first in range(0, len(events), LARGEST_STREAM):
            found += self._together(event_name, events[first : first + LARGEST_STREAM])
        return found

    def _together(self, event_name: str, events: Sequence[MeterEvent]) -> list[MeterOutcome]:
        token = self._session()
        if isinstance(token, InDoubt):
            return [token] * len(events)
        sent = [
            body(event_name, event) | {"timestamp": event.window_start.astimezone(UTC).isoformat()} for event in events
        ]
        request = Request("post", "/v2/billing/meter_event_stream", {"events": sent}, token=token)
        answer = outcome_of(self._gateway.send(request, f"{events[0].identifier}.{events[0].attempts}.{len(events)}"))
        if isinstance(answer, Rejected) and len(events) > 1:
            half = len(events) // 2
            return self._together(event_name, events[:half]) + self._together(event_name, events[half:])
        if isinstance(answer, InDoubt):
            self._token = None
        return [answer] * len(events)

    def _session(self) -> str | InDoubt:
        if self._token is not None and self._ends_at is not None and self._clock() < self._ends_at:
            return self._token
        answer = self._gateway.send(
            Request("post", "/v2/billing/meter_event_session", {}), f"session.{self._clock().timestamp()}"
        )
        if not isinstance(answer, Done):
            return InDoubt(f"No session: {_said(answer)}")
        self._token = str(answer.object["authentication_token"])
        self._ends_at = datetime.fromisoformat(str(answer.object["expires_at"]))
        return self._token

    def cancel(self, event_name: str, event: MeterEvent) -> MeterOutcome:
        """By an adjustment of API v1, which knows the same identifiers."""
        return _cancel(self._gateway, event_name, event)


class FileSink:
    """A line of JSON for each event, for another system to take; a line that is there is not written again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, event_name: str, events: Sequence[MeterEvent]) -> list[MeterOutcome]:
        """Append what is not there yet, durably."""
        known = self._identifiers()
        lines = [
            json.dumps(body(event_name, event) | {"timestamp": event.window_start.astimezone(UTC).isoformat()})
            for event in events
            if event.identifier not in known
        ]
        self._append(lines)
        return [Delivered()] * len(events)

    def cancel(self, event_name: str, event: MeterEvent) -> MeterOutcome:
        """A line that takes the other back."""
        self._append(
            [json.dumps({"event_name": event_name, "type": "cancel", "cancel": {"identifier": event.identifier}})]
        )
        return Delivered()

    def _identifiers(self) -> set[str]:
        """What whole lines name; a line that a crash cut off is no JSON and names nothing."""
        if not self._path.exists():
            return set()
        found = set()
        for line in self._path.read_text(encoding="utf-8").splitlines():
            with suppress(json.JSONDecodeError):
                found.add(str(json.loads(line).get("identifier")))
        return found

    def _append(self, lines: Sequence[str]) -> None:
        with self._path.open("a+b") as file:
            # A crash may have left half a line; the next one begins on its own.
            file.seek(0, 2)
            if file.tell():
                file.seek(-1, 2)
                broken = file.read(1) != b"\n"
                file.write(b"\n" if broken else b"")
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())


def body(event_name: str, event: MeterEvent) -> dict[str, Any]:
    """What every sink is told of an event; values are strings, as Stripe wants them."""
    payload = {"stripe_customer_id": event.customer_id, "value": str(event.units)}
    return {"event_name": event_name, "identifier": event.identifier, "payload": payload}


def outcome_of(answer: Outcome) -> MeterOutcome:
    """What Stripe's answer means: a repeated identifier is a delivery."""
    match answer:
        case Done():
            return Delivered()
        case Refused(sentence=sentence) if _KNOWN in sentence:
            return Delivered()
        case Refused(sentence=sentence, code=code):
            return Rejected(sentence, code)
        case Later(trouble=trouble) | Unknown(trouble=trouble):
            return InDoubt(trouble)


def _said(answer: Outcome) -> str:
    match outcome_of(answer):
        case Rejected(sentence=said) | InDoubt(trouble=said):
            return said
        case _:
            return ""


def _cancel(gateway: Gateway, event_name: str, event: MeterEvent) -> MeterOutcome:
    params = {"event_name": event_name, "type": "cancel", "cancel": {"identifier": event.identifier}}
    request = Request("post", "/v1/billing/meter_event_adjustments", params)
    answer = gateway.send(request, f"{event.identifier}.cancel.{event.attempts}")
    if isinstance(answer, Refused) and "canceled already" in answer.sentence:
        return Delivered()
    return outcome_of(answer)
