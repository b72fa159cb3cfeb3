"""Everything the sandbox knows: the objects by kind, the clock, and the events that tell what happened."""

import hashlib
import marshal
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandbox.errors import StripeError
from sandbox.objects import StripeObject
from sandbox.objects.embedded import with_short_lists

API_VERSION = "2026-10-28.endive"
EVENT = "event"
TEST_CLOCK = "test_helpers.test_clock"
EVENTS_KEPT_SECONDS = 30 * 86400
METER_EVENT, METER_RECEIPT, METER_IDENTIFIER = (
    "billing.meter_event",
    "sandbox.meter_receipt",
    "sandbox.meter_identifier",
)
# Never changed once they are there, and many: to undo them it is enough to take them away again. What is kept about meter events
# changes by requests that are refused before they change anything.
ONLY_ADDED = {EVENT, METER_EVENT, METER_RECEIPT, METER_IDENTIFIER}
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_CHARACTERS = 24


class State:
    """One account at Stripe. `now` is its clock in unix seconds UTC, which only ever moves forward.

    Objects of a kind stand in the order in which they were made, so also in the order of `created`. The same seed and
    the same calls make the same state. `on_event` is called with every event as it is stored.
    """

    def __init__(self, seed: int = 0, now: int = 0) -> None:
        self.seed = seed
        self.now = now
        self.objects: defaultdict[str, dict[str, StripeObject]] = defaultdict(dict)
        self.on_event: Callable[[StripeObject], None] | None = None
        # Which request causes what happens now; None while time passes by itself.
        self.request_id: str | None = None
        self.idempotency_key: str | None = None
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._born: list[tuple[str, str]] = []

    def new_id(self, prefix: str) -> str:
        """The next id with this prefix."""
        self._counts[prefix] += 1
        digest = hashlib.sha256(f"{self.seed}:{prefix}:{self._counts[prefix]}".encode()).digest()
        number = int.from_bytes(digest, "big")
        letters = []
        for _ in range(ID_CHARACTERS):
            number, place = divmod(number, len(ALPHABET))
            letters.append(ALPHABET[place])
        return f"{prefix}_{''.join(letters)}"

    def put(self, obj: StripeObject) -> StripeObject:
        """Keep a new object under its kind and id; it is the very dict that later calls change.

        What is of a customer who is bound to a test clock is bound to it too.
        """
        if "test_clock" in obj and obj["test_clock"] is None:
            owner = self.objects["customer"].get(obj.get("customer") or "", {})
            obj["test_clock"] = owner.get("test_clock")
        self.objects[obj["object"]][obj["id"]] = obj
        self._born.append((obj["object"], obj["id"]))
        return obj

    def emit(
        self,
        type_: str,
        obj: StripeObject,
        previous_attributes: StripeObject | None = None,
        *,
        thin_data: StripeObject | None = None,
    ) -> None:
        """Remember that something happened to the object, with a copy of it as it is now.

        With `thin_data` it is told of thin alone, and whoever reads the thin event gets them.
        """
        data: StripeObject = {"object": marshal.loads(marshal.dumps(with_short_lists(obj)))}  # noqa: S302 - our own bytes; the fastest deep copy
        if previous_attributes is not None:
            data["previous_attributes"] = marshal.loads(marshal.dumps(previous_attributes))  # noqa: S302 - as above
        event = self.put(
            {
                "id": self.new_id("evt"),
                "object": EVENT,
                "api_version": API_VERSION,
                "created": self.now,
                "data": data,
                "livemode": False,
                "pending_webhooks": 0,
                "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
                "type": type_,
                **({} if thin_data is None else {"thin_data": thin_data}),
            }
        )
        if self.on_event is not None:
            self.on_event(event)

    def advance_to(self, at: int) -> None:
        """Set the clock forward. Events older than thirty days are gone, as at Stripe."""
        if at < self.now:
            raise ValueError(f"The sandbox's clock stands at {self.now} and cannot go back to {at}.")
        self.now = at
        events = self.objects[EVENT]
        while events:
            oldest = next(iter(events.values()))
            if oldest["created"] >= at - EVENTS_KEPT_SECONDS:
                break
            del events[oldest["id"]]

    @contextmanager
    def whole_or_nothing(self) -> Iterator[None]:
        """What a request changed before it was refused is as it was again; a declined card leaves its traces.

        After a refusal the objects are other dicts than before, equal to what those were.
        """
        self._born.clear()
        before = marshal.dumps({kind: found for kind, found in self.objects.items() if kind not in ONLY_ADDED})
        try:
            yield
        except Exception as refusal:
            if not (isinstance(refusal, StripeError) and refusal.leaves_traces):
                self._restore(before)
            raise

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Whatever is done inside is undone at its end, ids and clock too, and nobody is told of it."""
        before = marshal.dumps({kind: found for kind, found in self.objects.items() if kind not in ONLY_ADDED})
        now, counts, on_event, born = self.now, self._counts.copy(), self.on_event, list(self._born)
        self.on_event = None
        self._born.clear()
        try:
            yield
        finally:
            self._restore(before)
            self.now, self._counts, self.on_event, self._born = now, counts, on_event, born

    def _restore(self, before: bytes) -> None:
        for kind, id_ in self._born:
            self.objects[kind].pop(id_, None)
        kept = marshal.loads(before)  # noqa: S302 - our own bytes
        for kind in self.objects:
            if kind not in ONLY_ADDED:
                self.objects[kind] = kept.get(kind, {})
