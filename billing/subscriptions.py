"""A customer's subscriptions for whoever changes them: what is held, what a change will cost, the change itself, its undo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing import commands, subscription_changes, subscription_previews
from billing.commands import Command, Raw
from billing.principals import Principal
from billing.schedule_phases import phases
from billing.subscription_changes import ENDED, Change, Start, Switch, terms
from billing.subscription_estimate import Estimate, estimate
from store import stripe_commands
from store import subscription_reads as reads
from store.database import Connection
from store.subscription_reads import Billed, Offer


class NotAllowedError(Exception):
    """The one who asks may not do that; the sentence says who may."""


@dataclass(frozen=True)
class Held:
    """A subscription with what its changes refer to: offers of its currency, the lines that billed it, commands oldest first, its schedule."""

    subscription: Raw
    offers: Mapping[str, Offer]
    billed: Sequence[Billed]
    commands: Sequence[Command]
    schedule: Raw | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended for good."""
        return self.subscription["status"] in ENDED

    def estimate(self, change: Change, now: datetime) -> Estimate:
        """What a change costs by our books. Raises ValueError when the running period, as mirrored, is over."""
        return estimate(
            change,
            self.subscription,
            prices={id_: offer.price for id_, offer in self.offers.items()},
            names={offer.price["product"]: offer.product_name for offer in self.offers.values()},
            billed=self.billed,
            now=now,
        )


def held(connection: Connection, customer_id: str) -> list[Held]:
    """A customer's subscriptions, the living ones first, each group newest first.

    Commands are read before what they change: one that is settled here is seen in its subscription, whenever the worker wrote it.
    """
    ids = [raw["id"] for raw in reads.subscriptions(connection, customer_id)]
    commands_of = {id_: stripe_commands.for_subject(connection, f"subscription:{id_}") for id_ in ids}
    subscriptions = reads.subscriptions(connection, customer_id)
    schedules = reads.schedules(connection, ids)
    offers: dict[str, dict[str, Offer]] = {}
    for currency in {raw["currency"] for raw in subscriptions}:
        prices = [item["price"]["id"] for raw in subscriptions for item in raw["items"]["data"]]
        prices += [id_ for one in schedules.values() for phase in phases(one) for id_, _ in phase.items]
        offers[currency] = {offer.price["id"]: offer for offer in reads.offers(connection, currency, besides=prices)}
    found = [
        Held(
            raw,
            offers[raw["currency"]],
            reads.billed(connection, raw["id"]),
            commands_of.get(raw["id"], []),
            schedules.get(raw["id"]),
        )
        for raw in subscriptions
    ]
    return sorted(found, key=lambda one: one.is_over)


def ask_preview(
    connection: Connection,
    tenant_id: UUID,
    subscription: Raw,
    change: Change,
    *,
    look: str,
    principal: Principal,
    now: datetime,
) -> Command | None:
    """Ask Stripe what the change will bill; None where nothing can be billed. `look` names the question."""
    params = subscription_changes.preview_params(change, subscription)
    if params is None:
        return None
    intent = subscription_previews.intent(subscription["id"], params, look)
    return commands.submit(connection, tenant_id, intent, principal=principal, now=now)


def make(
    connection: Connection,
    tenant_id: UUID,
    subscription: Raw | None,
    change: Change,
    *,
    deed: str,
    principal: Principal,
    now: datetime,
    previewed_as: str | None = None,
) -> Command:
    """Write the change down for the worker, in the open transaction; the same deed again finds the first command.

    Raises NotAllowedError for a viewer.
    """
    if not principal.ranks_at_least("support"):
        raise NotAllowedError(
            f"{principal.name} may look at subscriptions; support, lead, finance or a founder may change them."
        )
    intent = subscription_changes.intent(change, subscription, deed, previewed_as=previewed_as)
    return commands.submit(connection, tenant_id, intent, principal=principal, now=now)


def undo(one: Held) -> Change | None:
    """What would undo the last change; None when there is none, it is not settled, or something else happened since."""
    if one.is_over or not one.commands or one.commands[-1].state != "succeeded":
        return None
    last = one.commands[-1]
    change = subscription_changes.undo_of(last)
    if not isinstance(change, Switch):
        return change
    [asked] = last.params["request"]["items"]
    agreed = terms(one.subscription).get(asked["id"])
    starts = max(item["current_period_start"] for item in one.subscription["items"]["data"])
    is_as_left = agreed == {"price": asked["price"], "quantity": asked.get("quantity")}
    return change if is_as_left and change.at.timestamp() >= starts else None


def customer_offers(connection: Connection, customer_id: str) -> list[Offer]:
    """What a customer can be subscribed to: the prices of the currency they are billed in, US dollars before the first bill."""
    customer = reads.customer(connection, customer_id)
    return reads.offers(connection, str((customer or {}).get("currency") or "usd"))


def started(connection: Connection, customer_id: str) -> list[Command]:
    """The commands that were to start a subscription of this customer, oldest first."""
    return stripe_commands.for_subject(connection, f"customer:{customer_id}")


__all__ = ["Held", "NotAllowedError", "Start", "ask_preview", "customer_offers", "held", "make", "started", "undo"]
