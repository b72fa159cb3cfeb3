"""Stripe's refusals in Stripe's words, one function per kind."""

from sandbox.errors import StripeError
from sandbox.objects import StripeObject
from sandbox.state import State

NAMES = {
    "billing.credit_grant": "credit grant",
    "billing.meter": "meter",
    "invoiceitem": "invoiceitem",
    "payment_method": "PaymentMethod",
    "subscription_item": "subscription item",
    "tax_rate": "tax rate",
}


def invalid(message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> StripeError:
    """The request makes no sense, now or ever."""
    return StripeError(status=status, type="invalid_request_error", code=code, message=message, param=param)


def missing_param(name: str) -> StripeError:
    """A required parameter was not sent."""
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def no_such(kind: str, id_: str, param: str = "id", status: int = 404) -> StripeError:
    """The object does not exist: 404 for the object addressed, 400 for one that a parameter names."""
    name = NAMES.get(kind, kind)
    return invalid(f"No such {name}: '{id_}'", param=param, code="resource_missing", status=status)


def addressed(state: State, kind: str, id_: str) -> StripeObject:
    """The object that the path names, or 404."""
    found = state.objects.get(kind, {}).get(id_)
    if found is None:
        raise no_such(kind, id_)
    return found


def referred(state: State, kind: str, id_: str, param: str) -> StripeObject:
    """The object that a parameter names, or 400."""
    found = state.objects.get(kind, {}).get(id_)
    if found is None or found.get("deleted"):
        raise no_such(kind, id_, param=param, status=400)
    return found
