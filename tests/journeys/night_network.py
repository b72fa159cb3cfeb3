"""What lies between Stripe and us on a bad night: events that get lost, doubled and late, and people who click twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from billing.inbox_rules import read_event
from store import inbox
from store.database import Connection, tenant_transaction
from tests.journeys.night import Night


@dataclass
class NetworkNight(Night):
    """A night on which Stripe tells us what happens: what it has told, what is still on its way, what never arrives."""

    told: set[str] = field(default_factory=set)
    on_the_way: list[dict[str, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def click_on(
    night: Night, deed: Callable[[Connection, datetime], UUID], refusals: tuple[type[Exception], ...]
) -> list[UUID | Exception]:
    """One click, or two at the very same time; what each came to."""

    def once(_: int) -> UUID | Exception:
        try:
            with tenant_transaction(night.engine, night.tenant_id) as connection:
                return deed(connection, now)
        except refusals as refusal:
            return refusal

    now = night.now
    if night.dice.random() < 0.7:
        return [once(0)]
    with ThreadPoolExecutor(2) as hands:
        return list(hands.map(once, range(2)))


def in_words(found: list[UUID | Exception]) -> str:
    """What came of the clicks; sorted, as which of two is first is not the seed's choice."""
    return " and ".join(sorted("done" if isinstance(one, UUID) else str(one) for one in found))


def be_the_network(night: NetworkNight) -> None:
    """Events go on their way, in any order; some arrive twice, some late, some never."""
    post(night)
    night.dice.shuffle(night.on_the_way)
    for event in night.on_the_way[: night.dice.randint(0, 8)]:
        fate = night.dice.choices(("arrives", "arrives twice", "is lost"), (6, 2, 2))[0]
        night.on_the_way.remove(event)
        if fate == "is lost":
            night.lost.append(event["id"])
        for _ in range({"arrives": 1, "arrives twice": 2, "is lost": 0}[fate]):
            deliver(night, event)
        night.tell(f"{event['type']} {event['id']} {fate}")


def post(night: NetworkNight) -> None:
    """Stripe sends what has happened since it last did."""
    for event in list(night.stripe.state.objects["event"].values()):
        if event["id"] not in night.told:
            night.told.add(event["id"])
            night.on_the_way.append(event)


def deliver(night: NetworkNight, event: dict[str, Any]) -> None:
    """What the endpoint does with a body whose signature is right."""
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        told = read_event(msgspec.json.encode(event))
        inbox.add(connection, night.tenant_id, [told], source="webhook", endpoint="main", now=night.now)


def deliver_all(night: NetworkNight) -> None:
    """Nothing gets lost."""
    post(night)
    while night.on_the_way:
        deliver(night, night.on_the_way.pop(0))


def deliver_half(night: NetworkNight) -> None:
    """Every other event never arrives."""
    post(night)
    night.lost += [event["id"] for event in night.on_the_way[::2]]
    for event in night.on_the_way[1::2]:
        deliver(night, event)
    night.on_the_way.clear()
