"""What differs between Stripe's objects and our copies of them: pure, object by object, with the fields that differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pricing.money import Money
from store.stripe_rows import Raw, Row, embedded_parts, to_row

Kind = Literal["missing", "stale", "different", "extra", "unbalanced"]
COPY = "copy"  # the rule that our copy is what Stripe has

# What changes at Stripe without an event and is read by nothing here: addresses signed anew at each answer, what the clock
# alone changes, a counter; and what only some answers carry because it has to be asked for.
_UNTOLD: Mapping[str, frozenset[str]] = {
    "balance_transaction": frozenset({"status"}),
    "charge": frozenset({"receipt_url", "receipt_number", "refunds"}),
    "customer": frozenset({"next_invoice_sequence", "sources", "subscriptions", "tax_ids"}),
    "dispute": frozenset({"evidence_details.past_due"}),
    "invoice": frozenset({"hosted_invoice_url", "invoice_pdf", "payments", "confirmation_secret"}),
    "payment_intent": frozenset({"client_secret"}),
    "price": frozenset({"tiers"}),
}
# Where an object's money is, by Stripe's names: the first that differs is what the discrepancy comes to.
_AMOUNTS: Mapping[str, tuple[str, ...]] = {
    "balance_transaction": ("net", "amount", "fee"),
    "charge": ("amount_captured", "amount", "amount_refunded"),
    "dispute": ("amount",),
    "invoice": ("total", "amount_paid", "amount_due", "amount_remaining", "subtotal", "total_excluding_tax"),
    "invoice_payment": ("amount_paid", "amount_requested"),
    "line_item": ("amount",),
    "payment_intent": ("amount",),
    "payout": ("amount",),
    "refund": ("amount",),
}
_SHOWN_FIELDS = 4


@dataclass(frozen=True)
class Difference:
    """One field that differs, by Stripe's name of it; a column of ours by its own. None stands for nothing there."""

    field: str
    at_stripe: Any
    here: Any


@dataclass(frozen=True)
class Discrepancy:
    """Something that is not as it should be. `amount_minor` is what Stripe has more than we do, None where no money differs.

    `rule` names what was checked: `copy`, or a rule about money. `refers_to` are other objects that it speaks of.
    """

    kind: Kind
    object_kind: str
    object_id: str
    amount_minor: int | None
    currency: str | None
    fields: tuple[Difference, ...]
    cause: str | None
    sentence: str
    rule: str = COPY
    refers_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """Our copy: the row with all its columns, and the living rows of its parts by id."""

    row: Row
    parts: Mapping[str, Row] = field(default_factory=dict)


def compare(listed: Raw, further_parts: Sequence[Raw], held: Held | None) -> Discrepancy | None:
    """An object that Stripe lists, with those of its parts that did not come inside it, against our copy; None when they agree.

    Whether a copy that differs is old or wrong, only the events about it tell: see `reconciliation_causes`.
    """
    kind = listed["object"]
    if held is None or held.row["is_deleted"]:
        marked = "" if held is None else ", as if it had been deleted"
        worth = _worth(listed)
        of = f" of {_money(worth, listed)}" if worth is not None and listed.get("currency") else ""
        sentence = f"Stripe has {words(kind)} {listed['id']}{of}; it is not here{marked}."
        return _of(listed, "missing", worth, (), sentence)
    differing = (*_differences(listed, held.row), *_part_differences(listed, further_parts, held.parts))
    if not differing:
        return None
    return _of(listed, "different", _difference_minor(kind, differing), differing, _sentence(listed, differing))


def extra(held: Held) -> Discrepancy:
    """A living copy of something that Stripe no longer has."""
    raw = held.row["raw"]
    worth = _worth(raw)
    of = f" of {_money(worth, raw)}" if worth is not None and raw.get("currency") else ""
    sentence = f"{words(raw['object']).capitalize()} {raw['id']}{of} is here, but Stripe has no such object."
    return _of(raw, "extra", None if worth is None else -worth, (), sentence)


def words(kind: str) -> str:
    """Stripe's name of a kind, for people."""
    return kind.replace("_", " ").replace(".", " ")


def canonical(raw: Raw) -> dict[str, Any]:
    """The object's content as flat paths (`evidence_details.due_by`), without what differs from one answer to the next."""
    kind = raw["object"]
    untold = _UNTOLD.get(kind, frozenset())
    flat: dict[str, Any] = {}
    for path, value in _flat(raw):
        if path in untold or any(path.startswith(f"{name}.") for name in untold):
            continue
        # The transactions inside a dispute are balance transactions, whose status only the clock changes.
        flat[path] = [canonical(one) for one in value] if (kind, path) == ("dispute", "balance_transactions") else value
    return flat


def _flat(raw: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{under}{name}.")
        else:
            yield f"{under}{name}", _without_nul(value)


def _without_nul(value: Any) -> Any:
    """As the mirror keeps texts: Postgres knows no NUL character."""
    return value.replace("\x00", "\ufffd") if isinstance(value, str) else value


def _differences(listed: Raw, row: Row) -> Iterator[Difference]:
    """Fields whose value Stripe gives otherwise, then columns that do not say what the object beside them says."""
    at_stripe, here = canonical(listed), canonical(row["raw"])
    for path in sorted(at_stripe.keys() | here.keys()):
        if at_stripe.get(path) != here.get(path):
            yield Difference(path, at_stripe.get(path), here.get(path))
    derived = to_row(row["raw"], fetched_at=row["synced_at"])
    for name in sorted(derived.keys() - {"raw", "synced_at"}):
        if _without_nul(derived[name]) != row[name]:
            yield Difference(f"column {name}", derived[name], row[name])


def _part_differences(listed: Raw, further: Sequence[Raw], held: Mapping[str, Row]) -> Iterator[Difference]:
    """Parts that are not here, or here alone, or otherwise here than at Stripe."""
    at_stripe = {part["id"]: part for part in (*embedded_parts(listed), *further)}
    for id_ in sorted(at_stripe.keys() | held.keys()):
        if id_ not in held or id_ not in at_stripe:
            yield Difference(id_, "there" if id_ in at_stripe else None, "there" if id_ in held else None)
            continue
        for one in _differences(at_stripe[id_], held[id_]):
            yield Difference(f"{id_} {one.field}", one.at_stripe, one.here)


def _of(raw: Raw, kind: Kind, amount_minor: int | None, fields: Iterable[Difference], sentence: str) -> Discrepancy:
    currency = raw.get("currency") if amount_minor is not None else None
    return Discrepancy(
        kind,
        raw["object"],
        raw["id"],
        amount_minor if currency else None,
        currency,
        tuple(fields),
        None,
        sentence,
        refers_to=tuple(references(raw)),
    )


def references(raw: Raw) -> list[str]:
    """Ids of the objects that this one's money belongs to."""
    named = (raw.get(name) for name in ("charge", "payment_intent", "source", "invoice", "balance_transaction"))
    ids = [one.get("id") if isinstance(one, Mapping) else one for one in named]
    ids += [one.get("id") for one in raw.get("balance_transactions") or () if isinstance(one, Mapping)]
    return [str(id_) for id_ in ids if id_]


def _worth(raw: Raw) -> int | None:
    """What the object comes to, in minor units; None where it is no money."""
    return next((raw[name] for name in _AMOUNTS.get(raw["object"], ()) if raw.get(name) is not None), None)


def _difference_minor(kind: str, differing: Sequence[Difference]) -> int | None:
    """What Stripe has more than we do, by the first money field that differs."""
    by_name = {one.field.removeprefix("column ").removesuffix("_minor"): one for one in differing}
    for name in _AMOUNTS.get(kind, ()):
        one = by_name.get(name)
        if one is not None and isinstance(one.at_stripe, int) and isinstance(one.here, int):
            return one.at_stripe - one.here
    return None


def _sentence(listed: Raw, differing: Sequence[Difference]) -> str:
    said = [f"{one.field} is {_value(one.at_stripe)} at Stripe and {_value(one.here)} here" for one in differing]
    more = len(said) - _SHOWN_FIELDS
    rest = f", and {more} more" if more > 0 else ""
    return f"{words(listed['object']).capitalize()} {listed['id']} differs: {', '.join(said[:_SHOWN_FIELDS])}{rest}."


def _value(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _money(minor: int, raw: Raw) -> str:
    return str(Money(minor, raw["currency"]))
