"""Whether a charge may be refunded and who may say so: pure rules over Stripe's charge, the tenant's policy and the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from billing.principals import Principal, Role

Raw = Mapping[str, Any]
Level = Literal["stop", "override"]

DEFAULT_WINDOW_DAYS = 30
# Minor units of US dollars: $500 for support, $2,000 for a lead, more is the founder's.
DEFAULT_LIMITS_MINOR: Mapping[str, Mapping[str, int]] = {"usd": {"support": 50_000, "lead": 200_000}}
# Cash vouchers, which Stripe cannot give back. What else a method refuses, Stripe's own sentence says when it is sent.
NOT_REFUNDABLE = frozenset({"boleto", "oxxo"})
REASONS = ("duplicate", "fraudulent", "requested_by_customer")


@dataclass(frozen=True)
class RefundPolicy:
    """A tenant's rules. `limits_minor`: by currency, up to which amount support and lead may approve; other currencies are the founder's."""

    window_days: int = DEFAULT_WINDOW_DAYS
    limits_minor: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: DEFAULT_LIMITS_MINOR)


@dataclass(frozen=True)
class Finding:
    """Something that stands against a refund. `stop` cannot be overridden, `override` can by a lead or founder who says why."""

    code: str
    level: Level
    sentence: str


@dataclass(frozen=True)
class Pending:
    """Another open request for the same charge."""

    request_id: str
    amount_minor: int
    is_decided: bool


@dataclass(frozen=True)
class Asked:
    """What a request asks for."""

    amount_minor: int
    currency: str


@dataclass(frozen=True)
class Refusal:
    """Why somebody may not approve: for their role, for a missing reason to override (`value`), or for what no one may override."""

    because: Literal["role", "value", "rule"]
    sentence: str


def findings(
    charge: Raw | None, asked: Asked, pending: Sequence[Pending], policy: RefundPolicy, now: datetime
) -> list[Finding]:
    """All that stands against refunding, by Stripe's charge as it is now (None: there is none); empty when nothing does.

    `pending` are the charge's other open requests. Amounts in minor units. Of "refunded", "too much" and "reserved" only the
    first that is so is said.
    """
    if charge is None:
        return [Finding("no_charge", "stop", "Stripe has no such charge.")]
    found = [
        *_about_charge(charge, asked),
        *_about_amount(charge, asked, pending),
        *_about_age(charge, policy, now),
    ]
    if any(other.amount_minor == asked.amount_minor for other in pending):
        found.append(Finding("duplicate", "override", "Another open request asks for the same amount of this charge."))
    return found


def _about_charge(charge: Raw, asked: Asked) -> list[Finding]:
    found = []
    method = str((charge.get("payment_method_details") or {}).get("type") or "card")
    if charge["status"] != "succeeded":
        found.append(Finding("not_paid", "stop", f"The charge was not paid: it is {charge['status']}."))
    if charge["disputed"]:
        found.append(
            Finding("disputed", "stop", "The charge is disputed: a refund on top would pay the customer twice.")
        )
    if asked.currency != charge["currency"]:
        found.append(
            Finding("currency", "stop", f"The charge is in {charge['currency']}, the request in {asked.currency}.")
        )
    if method in NOT_REFUNDABLE:
        found.append(
            Finding(
                "method", "stop", f"Stripe cannot give back what was paid by {method}; pay the customer another way."
            )
        )
    return found


def _about_amount(charge: Raw, asked: Asked, pending: Sequence[Pending]) -> list[Finding]:
    left_minor = charge["amount_captured"] - charge["amount_refunded"]
    reserved_minor = sum(other.amount_minor for other in pending if other.is_decided)
    unit = f"{charge['currency']} (minor units)"
    if asked.amount_minor <= 0:
        return [Finding("amount", "stop", f"A refund of {asked.amount_minor} {unit} gives nothing back.")]
    if left_minor <= 0:
        return [Finding("refunded", "stop", "The charge is refunded already.")]
    if asked.amount_minor > left_minor:
        return [
            Finding("too_much", "stop", f"Only {left_minor} {unit} of the charge are left, not {asked.amount_minor}.")
        ]
    if asked.amount_minor > left_minor - reserved_minor:
        said = f"{left_minor} {unit} of the charge are left and {reserved_minor} are on their way already."
        return [Finding("reserved", "stop", said)]
    return []


def _about_age(charge: Raw, policy: RefundPolicy, now: datetime) -> list[Finding]:
    age_days = (now - datetime.fromtimestamp(charge["created"], UTC)).days
    if age_days < policy.window_days:
        return []
    said = f"The charge is {age_days} days old; the policy allows refunds within {policy.window_days} days."
    return [Finding("too_old", "override", said)]


def why_not_approve(
    principal: Principal,
    asked: Asked,
    requested_by: str,
    standing: Sequence[Finding],
    policy: RefundPolicy,
    *,
    override_reason: str | None,
) -> Refusal | None:
    """Why this person may not approve; None when they may.

    Above what their role may approve, somebody of a higher role decides. Nobody approves their own request above the limit of a
    lead (of support, for support), not even a founder: that takes a second person.
    """
    if principal.role in {"viewer", "finance"}:
        return Refusal("role", f"A {principal.role} does not approve refunds.")
    stops = [finding.sentence for finding in standing if finding.level == "stop"]
    if stops:
        return Refusal("rule", stops[0])
    overrides = [finding.sentence for finding in standing if finding.level == "override"]
    if overrides and not principal.ranks_at_least("lead"):
        return Refusal("role", f"{overrides[0]} A lead or founder may override that.")
    if overrides and not (override_reason or "").strip():
        return Refusal("value", f"{overrides[0]} Say why it is approved all the same.")
    over = _over_limit(principal, asked, requested_by, policy)
    return None if over is None else Refusal("role", over)


def _over_limit(principal: Principal, asked: Asked, requested_by: str, policy: RefundPolicy) -> str | None:
    limit_minor = limit_of(principal.role, asked.currency, policy)
    unit = f"{asked.currency} (minor units)"
    if limit_minor is not None and asked.amount_minor > limit_minor:
        return f"{asked.amount_minor} {unit} is above the {limit_minor} that a {principal.role} may approve."
    own_limit_minor = min(
        limit_of("lead", asked.currency, policy) or 0, limit_minor if limit_minor is not None else 2**62
    )
    if requested_by == principal.name and asked.amount_minor > own_limit_minor:
        return (
            f"{principal.name} asked for it, and nobody approves their own request above {own_limit_minor} {unit}: "
            "a second person has to."
        )
    return None


def limit_of(role: Role, currency: str, policy: RefundPolicy) -> int | None:
    """Up to how many minor units a role may approve; None for no limit. A currency without limits is the founder's."""
    if role == "founder":
        return None
    return policy.limits_minor.get(currency, {}).get(role, 0)
