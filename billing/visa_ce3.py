"""Visa's Compelling Evidence 3.0: whether two older undisputed payments tie the buyer to a fraud dispute, and which, and why not.

Rule as Stripe tells it (docs.stripe.com/disputes/api/visa-ce3): reason code 10.4, two earlier paid and undisputed payments with the
same payment method, 120 to 364 days before the disputed one, and on all three the same two identifiers, of which at least one is the
buyer's IP address or device. Where Stripe's pages differ (364 or 365 days), the narrower one counts here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import combinations
from typing import Any

from billing.evidence_facts import Charge, Holdings
from billing.evidence_texts import product_of

REASON_CODE = "10.4"
DAYS_MIN, DAYS_MAX = 120, 364
PRIOR_NEEDED = 2
DEVICE_ID_MIN, FINGERPRINT_MIN = 15, 20
# By what each is sent to Stripe; a device's id and its fingerprint are one identifier, in two spellings.
_MAIN = ("customer_purchase_ip", "customer_device_fingerprint", "customer_device_id")
_DEVICE = {"customer_device_fingerprint", "customer_device_id"}
_IDENTIFIERS = (*_MAIN, "customer_account_id", "customer_email_address")
_SHORTEST = {"customer_device_id": DEVICE_ID_MIN, "customer_device_fingerprint": FINGERPRINT_MIN}
# Every pair that Visa takes, the strongest first.
PAIRS = tuple(pair for pair in combinations(_IDENTIFIERS, 2) if set(pair) & set(_MAIN) and set(pair) != _DEVICE)


@dataclass(frozen=True)
class Compelling:
    """The verdict by our count; Stripe has the last word. `prior` are the two payments to name, `matching` the identifiers that all
    three share; both empty when not eligible. `in_window` are all undisputed payments with the same card within the days."""

    is_eligible: bool
    sentence: str
    prior: tuple[Charge, ...] = ()
    matching: tuple[str, ...] = ()
    in_window: tuple[Charge, ...] = ()


def days_before(prior: Charge, disputed: Charge) -> int:
    """How many calendar days (UTC) a payment lies before another."""
    return (disputed.created_at.astimezone(UTC).date() - prior.created_at.astimezone(UTC).date()).days


def compelling(holdings: Holdings) -> Compelling:
    """Whether the dispute qualifies, with the reason in one sentence; pure."""
    charge = holdings.charge
    why_not = _outside(holdings)
    if why_not is not None or charge is None:
        return _no(why_not or "The disputed charge is not held here.")
    found = in_window(charge, holdings.charges)
    if len(found) < PRIOR_NEEDED:
        return _no(
            f"{len(found)} undisputed {'payment' if len(found) == 1 else 'payments'} with the same card made {DAYS_MIN} to "
            f"{DAYS_MAX} days before the disputed one; {PRIOR_NEEDED} are needed.",
            found,
        )
    known = identifiers(charge)
    if not set(known) & set(_MAIN):
        return _no(
            "The disputed charge carries neither the buyer's IP address nor a device: store one of them with every charge.",
            found,
        )
    for pair in PAIRS:
        alike = [prior for prior in found if _shares(known, identifiers(prior), pair)]
        if len(alike) >= PRIOR_NEEDED:
            return _yes(tuple(alike[:PRIOR_NEEDED]), pair, found)
    return _no(
        f"{len(found)} payments with the same card lie within the days, but no two of them share two identifiers with the "
        "disputed one, one of them the IP address or the device.",
        found,
    )


def _outside(holdings: Holdings) -> str | None:
    """Why the programme is not for this dispute at all; None when it is."""
    code, charge = holdings.dispute.network_reason_code, holdings.charge
    if code != REASON_CODE:
        said = f"is {code}" if code else "is not known"
        return f"Compelling Evidence 3.0 is for Visa's reason code {REASON_CODE}; this dispute's {said}."
    if charge is None:
        return "The disputed charge is not held here."
    network = charge.network or charge.brand
    if network != "visa":
        return f"Compelling Evidence 3.0 is Visa's; this card's network is {network or 'not known'}."
    if charge.fingerprint is None:
        return "The card of the disputed charge has no fingerprint, so earlier payments with it cannot be told."
    return None


def _shares(known: Mapping[str, str], others: Mapping[str, str], pair: Sequence[str]) -> bool:
    return all(name in known and others.get(name) == known[name] for name in pair)


def _yes(prior: tuple[Charge, ...], pair: tuple[str, ...], found: tuple[Charge, ...]) -> Compelling:
    named, shared = " and ".join(one.charge_id for one in prior), " and ".join(map(words, pair))
    said = f"{named} were made with the same card and share {shared} with the disputed payment."
    return Compelling(is_eligible=True, sentence=said, prior=prior, matching=pair, in_window=found)


def _no(sentence: str, found: tuple[Charge, ...] = ()) -> Compelling:
    return Compelling(is_eligible=False, sentence=sentence, in_window=found)


def in_window(disputed: Charge, charges: Sequence[Charge]) -> tuple[Charge, ...]:
    """The payments of more than nothing that nobody disputed or reported as fraud, with the same card within the days, the newest first."""
    found = [
        prior
        for prior in charges
        if prior.charge_id != disputed.charge_id
        and prior.fingerprint == disputed.fingerprint
        and not (prior.is_disputed or prior.is_reported)
        and prior.amount_minor > 0
        and DAYS_MIN <= days_before(prior, disputed) <= DAYS_MAX
    ]
    return tuple(sorted(found, key=lambda prior: (prior.created_at, prior.charge_id), reverse=True))


def identifiers(charge: Charge) -> dict[str, str]:
    """What a charge carries of its buyer and is long enough for Visa, by Stripe's names."""
    carried = {name: getattr(charge.buyer, name) for name in _IDENTIFIERS}
    return {name: value for name, value in carried.items() if value and len(value) >= _SHORTEST.get(name, 1)}


def words(name: str) -> str:
    """An identifier in a person's words."""
    return {
        "customer_purchase_ip": "the IP address",
        "customer_device_fingerprint": "the device's fingerprint",
        "customer_device_id": "the device",
        "customer_account_id": "the account",
        "customer_email_address": "the e-mail address",
    }[name]


def enhanced_evidence(holdings: Holdings, found: Compelling) -> dict[str, Any] | None:
    """What goes into `evidence[enhanced_evidence]`; None when not eligible, or when one of the three products cannot be described."""
    charge = holdings.charge
    if not found.is_eligible or charge is None:
        return None
    described = {one.charge_id: product_of(holdings, one) for one in (charge, *found.prior)}
    if not all(described.values()):
        return None

    def told(one: Charge) -> dict[str, str | None]:
        known = identifiers(one)
        return {name: known[name] for name in found.matching} | {"product_description": described[one.charge_id]}

    return {
        "visa_compelling_evidence_3": {
            "disputed_transaction": told(charge) | {"merchandise_or_services": "services"},
            "prior_undisputed_transactions": [{"charge": one.charge_id} | told(one) for one in found.prior],
        }
    }
