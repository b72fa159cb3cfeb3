"""Signed delivery of events to webhook endpoints: in order, again when the endpoint fails, and wrong when that is ordered."""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import count, groupby
from operator import attrgetter

import msgspec

from sandbox.objects import StripeObject
from sandbox.state import EVENT, EVENTS_KEPT_SECONDS, State
from sandbox.thin_events import thin_event, thin_type
from sandbox.webhook_endpoints import address_of, listeners, secret_of
from sandbox.webhook_faults import Kind, WebhookFaults
from sandbox.webhook_sending import Delivery, post, signature

# Doubling from an hour; the last is 63 hours after the first try, within the three days that Stripe keeps trying.
RETRY_AFTER_HOURS = (1, 2, 4, 8, 16, 32)
ATTEMPTS_REMEMBERED = 1000


class Webhooks:
    """Everything on its way, by the sandbox's clock; `sent` tells the latest attempts and what was answered to them.

    `clock` gives the real unix time that goes into signatures, because receivers compare it with their own clock.
    """

    def __init__(self, state: State, clock: Callable[[], float] = time.time) -> None:
        self.faults = WebhookFaults()
        self.sent: deque[StripeObject] = deque(maxlen=ATTEMPTS_REMEMBERED)
        self._state = state
        self._clock = clock
        self._queue: list[Delivery] = []
        self._numbers = count()
        self._turn = asyncio.Lock()
        state.on_event = self._take

    @property
    def waiting(self) -> list[Delivery]:
        """What has not been delivered, in the order in which it falls due; what a reordering holds comes last."""
        return [*sorted(self._queue), *(one for fault in self.faults.waiting for one in fault.held)]

    def release(self) -> int:
        """Let everything that waits be due now, also retries and what a fault holds back; how much that is."""
        self.let_go()
        now = self._state.now
        self._queue = [replace(one, due=min(one.due, now)) for one in self._queue]
        heapq.heapify(self._queue)
        return len(self._queue)

    def let_go(self) -> None:
        """What reorderings hold back is due now, though their orders are not complete."""
        self._queue_again(self.faults.let_go())

    def _take(self, event: StripeObject) -> None:
        """Put an event on its way to every endpoint that wants it now."""
        endpoints = listeners(self._state, event)
        if not endpoints:
            return
        event["pending_webhooks"] = len(endpoints)
        fault = self.faults.strike(event["type"])
        if fault is not None and fault.kind is Kind.LOSE:
            return
        copies = 1 if fault is not None and fault.kind is Kind.DUPLICATE else 0
        late = fault.delay_seconds if fault is not None else 0
        body, thin = msgspec.json.encode(event), msgspec.json.encode(thin_event(event))
        made = [
            Delivery(
                due=event["created"] + late,
                number=next(self._numbers),
                event_id=event["id"],
                created=event["created"],
                type=thin_type(event["type"]) if is_thin else event["type"],
                endpoint_id=endpoint_id,
                body=thin if is_thin else body,
                is_copy=copy > 0,
            )
            for endpoint_id, is_thin in endpoints
            for copy in range(1 + copies)
        ]
        if fault is None or fault.kind is not Kind.REORDER:
            for one in made:
                heapq.heappush(self._queue, one)
            return
        fault.held += made
        if fault.times == 0:
            self._queue_again(fault.held[::-1])

    def _queue_again(self, held: list[Delivery]) -> None:
        for one in held:
            heapq.heappush(self._queue, replace(one, due=self._state.now, number=next(self._numbers)))

    async def deliver(self) -> None:
        """Send what is due by the sandbox's clock, each endpoint's in order and the endpoints beside each other."""
        async with self._turn:
            while due := self._due():
                by_endpoint = sorted(due, key=attrgetter("endpoint_id"))  # stable: in order within each endpoint
                rows = [list(group) for _, group in groupby(by_endpoint, key=attrgetter("endpoint_id"))]
                await asyncio.gather(*map(self._send_all, rows))

    def _due(self) -> list[Delivery]:
        found = []
        while self._queue and self._queue[0].due <= self._state.now:
            found.append(heapq.heappop(self._queue))
        return found

    async def _send_all(self, deliveries: list[Delivery]) -> None:
        for one in deliveries:
            await self._send(one)

    async def _send(self, one: Delivery) -> None:
        url = address_of(self._state, one.endpoint_id)
        if url is None or self._is_undone(one):
            return
        signed = signature(secret_of(self._state, one.endpoint_id), one.body, int(self._clock()))
        status = await asyncio.to_thread(post, url, one.body, signed)
        tried = replace(one, attempts=one.attempts + 1)
        self.sent.append(tried.shown() | {"status": status})
        if status is not None and 200 <= status < 300:
            self._note_delivered(one)
        elif one.attempts < len(RETRY_AFTER_HOURS):
            heapq.heappush(self._queue, replace(tried, due=one.due + RETRY_AFTER_HOURS[one.attempts] * 3600))

    def _is_undone(self, one: Delivery) -> bool:
        """The request that caused the event was refused after all; an event that is merely old is gone as well."""
        is_old = one.created < self._state.now - EVENTS_KEPT_SECONDS
        return not is_old and one.event_id not in self._state.objects[EVENT]

    def _note_delivered(self, one: Delivery) -> None:
        event = self._state.objects[EVENT].get(one.event_id)
        if event is not None and not one.is_copy:
            event["pending_webhooks"] -= 1
