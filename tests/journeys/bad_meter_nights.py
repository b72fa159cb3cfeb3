"""Nights on which usage comes late, moves and is told to meters, while Stripe, the workers and the clock misbehave."""

import random
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from pricing.meter_windows import BillingPeriods
from store.failpoints import armed
from tests.journeys.night import FAULTS, Killed
from tests.pipelines.metered_shop import MeteredShop
from tests.sandbox_fixtures import SandboxServer

HOUR = timedelta(hours=1)
DEEDS = ("use", "use", "use", "work", "work", "work", "break", "pass", "pass", "die", "die", "lag", "compare")


class MeterNight:
    """One tenant's meter over a few days; `story` is what happened, for whoever reads a failing seed."""

    def __init__(self, seed: int, engine: Engine, home: Path, tenant_id: UUID, stripe: SandboxServer) -> None:
        self.dice = random.Random(seed)
        version = self.dice.choice(("stripe_v1", "stripe_v2"))
        self.shop = MeteredShop(engine, home, tenant_id, stripe, per=self.dice.choice((1, 7, 1_000)), version=version)
        self.story = [f"{version}, {self.shop.per} tokens to the unit"]
        for _ in range(self.dice.randint(1, 3)):
            self.shop.add_customer()

    def live(self) -> None:
        """A few dozen deeds of chance, then quiet."""
        for _ in range(self.dice.randint(20, 40)):
            getattr(self, f"_{self.dice.choice(DEEDS)}")()
        self._settle()

    def broken(self) -> list[str]:
        """Where what Stripe counts is not the usage of a customer's billing periods, each rounded down once."""
        months, wrong = BillingPeriods({}), []
        for customer in self.shop.customers:
            by_month: dict[datetime, int] = {}
            for who, at, tokens in self.shop.used:
                if who == customer:
                    start = months.start(customer, at)
                    by_month[start] = by_month.get(start, 0) + tokens
            right = sum(tokens // self.shop.per for tokens in by_month.values())
            if (there := self.shop.at_stripe(customer)) != right:
                wrong.append(f"{customer}: {there} units at Stripe, {right} were used")
        return wrong

    def _use(self) -> None:
        """Calls of the last day and a half, so also late ones."""
        start = max(self.shop.now - timedelta(hours=self.dice.randint(0, 36)), self.shop.stored.rule.starts_at)
        calls = [
            (
                self.dice.choice(self.shop.customers),
                start + timedelta(seconds=self.dice.randint(0, 59)),
                self.dice.randint(1, 9_000),
            )
            for _ in range(self.dice.randint(1, 5))
        ]
        self.shop.use(*calls)
        self.story.append(
            f"{self.shop.now:%d %H:%M} used {[(who[-4:], f'{at:%d %H:%M}', tokens) for who, at, tokens in calls]}"
        )

    def _work(self) -> None:
        done = self.shop.write_down()
        self.story.append(f"{self.shop.now:%d %H:%M} wrote {done.events} events, sent {self.shop.send()}")

    def _break(self) -> None:
        kind, times = self.dice.choice(FAULTS), self.dice.randint(1, 3)
        self.shop.stripe.fail_next(kind, method="POST", path="*meter_event*", times=times)
        self.story.append(f"Stripe will {kind} {times} times")

    def _pass(self) -> None:
        seconds = self.dice.choice((70, 1_000, 3_700, 7 * 3_600, 23 * 3_600, 25 * 3_600))
        self.shop.stripe.advance(seconds=seconds)
        self.story.append(f"{seconds} s pass")

    def _die(self) -> None:
        """A worker is killed at some place; another, with a session of its own, finds what it left."""
        left = self.dice.randint(1, 6)

        def kill(place: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                self.story.append(f"{self.shop.now:%d %H:%M} killed at {place!r}")
                raise Killed

        with suppress(Killed), armed(kill):
            self.shop.write_down()
            self.shop.send()
        self.shop.sink = self.shop.new_sink()

    def _lag(self) -> None:
        self.shop.stripe.control("/meter-lag", {"seconds": self.dice.choice((0, 600, 3_000))})

    def _compare(self) -> None:
        self.story.append(f"{self.shop.now:%d %H:%M} compared: {self.shop.compare()}")

    def _settle(self) -> None:
        """The faults stop, and for some days nothing happens but work."""
        self.shop.stripe.control("/faults", method="DELETE")
        self.shop.stripe.control("/meter-lag", {"seconds": 0})
        self.story.append("quiet")
        for hours in (2, 1, 26, 2, 2, 2, 2):
            self.shop.stripe.advance(seconds=hours * 3_600)
            self._work()
            self._compare()
