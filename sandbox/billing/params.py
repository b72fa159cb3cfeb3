"""Reading Stripe's parameters: form bodies carry strings, direct callers carry types, both are taken."""

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.billing.refusals import invalid, missing_param
from sandbox.objects import StripeObject


def required(params: StripeObject, name: str) -> Any:
    """The parameter, or Stripe's refusal that it is missing."""
    value = params.get(name)
    if value is None or value == "":
        raise missing_param(name)
    return value


def integer(params: StripeObject, name: str, default: int | None = None) -> int | None:
    """A whole number, or the default when absent."""
    value = params.get(name)
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise invalid(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer") from None


def required_integer(params: StripeObject, name: str) -> int:
    """A whole number that must be given."""
    required(params, name)
    value = integer(params, name)
    assert value is not None
    return value


def decimal(params: StripeObject, name: str) -> Decimal | None:
    """An exact decimal, or None when absent."""
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise invalid(f"Invalid decimal: {value}", param=name) from None


def flag(params: StripeObject, name: str, *, default: bool) -> bool:
    """True or false, also as the words of a form."""
    value = params.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise invalid(f"Invalid boolean: {value}", param=name)


def merge_metadata(obj: StripeObject, params: StripeObject) -> None:
    """Stripe's rule: given keys are set, an empty value removes its key, an empty string removes all."""
    given = params.get("metadata")
    if given is None:
        return
    if given == "":
        obj["metadata"] = {}
        return
    merged = dict(obj["metadata"] or {}) | {key: str(value) for key, value in given.items()}
    obj["metadata"] = {key: value for key, value in merged.items() if value != ""}


def metadata(params: StripeObject) -> dict[str, str]:
    """The metadata of a new object: strings only, empty values left out."""
    given = params.get("metadata") or {}
    return {key: str(value) for key, value in given.items() if value not in (None, "")}


def list_of(params: StripeObject, name: str) -> list[Any]:
    """A list parameter; absent and "" are both empty."""
    value = params.get(name)
    if value is None or value == "":
        return []
    return list(value)
