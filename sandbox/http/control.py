"""The control plane under /_sandbox: the clock, faults, what banks decide, and a fingerprint of everything."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import billing
from sandbox.billing.params import list_of, required, required_integer
from sandbox.billing.refusals import addressed, invalid
from sandbox.errors import StripeError
from sandbox.http.oracle import ledger
from sandbox.http.service import Service
from sandbox.http.shown import shown
from sandbox.objects import StripeObject
from sandbox.state import State

Deed: TypeAlias = Callable[[Service, str, StripeObject], Any]


def routes(service: Service) -> list[Route]:
    """All of the control plane. Bodies and answers are JSON; refusals look as Stripe's do."""
    return [_route(service, method, path, deed) for (method, path), deed in _DEEDS.items()]


def _route(service: Service, method: str, path: str, deed: Deed) -> Route:
    async def act(request: Request) -> Response:
        try:
            params = msgspec.json.decode(await request.body() or b"{}")
            if not isinstance(params, dict):
                raise invalid("The body must be a JSON object.")
            found = deed(service, request.path_params.get("id", ""), params)
        except msgspec.DecodeError as broken:
            return _json(invalid(f"The body is not JSON: {broken}").body(), 400)
        except StripeError as refusal:
            return _json(refusal.body(), refusal.status)
        if method != "GET":
            await service.changed()
        return _json(found, 200)

    return Route(f"/_sandbox{path}", act, methods=[method])


def _json(body: Any, status: int) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def _clock(service: Service, _id: str, _params: StripeObject) -> Any:
    return {"now": service.state.now}


def _advance(service: Service, _id: str, params: StripeObject) -> Any:
    """Let time pass `to` a moment (unix seconds or ISO 8601), or by so many `seconds`; all that falls due happens."""
    state = service.state
    to = _moment(params["to"]) if "to" in params else state.now + int(required(params, "seconds"))
    if to < state.now:
        raise invalid(f"The clock stands at {state.now} and cannot go back to {to}.", param="to")
    billing.cycle(state, to)
    return {"now": state.now}


def _moment(value: Any) -> int:
    if isinstance(value, int):
        return value
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        raise invalid(f"Not a moment: {value}. Give unix seconds or 2026-11-25T00:00:00Z.", param="to") from None
    if at.tzinfo is None:
        raise invalid(f"{value} has no time zone. Write 2026-11-25T00:00:00Z.", param="to")
    return int(at.timestamp())


def fingerprint(state: State) -> StripeObject:
    """A hash over every object, how many there are of each kind, and the time: equal for equal histories."""
    kinds = {kind: objects for kind, objects in sorted(state.objects.items()) if objects}
    text = json.dumps({"now": state.now, "objects": kinds}, sort_keys=True, separators=(",", ":"))
    return {
        "now": state.now,
        "counts": {kind: len(objects) for kind, objects in kinds.items()},
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _fingerprint(service: Service, _id: str, _params: StripeObject) -> Any:
    return fingerprint(service.state)


def _faults(service: Service, _id: str, _params: StripeObject) -> Any:
    return {"faults": [fault.shown() for fault in service.faults.waiting]}


def _order_fault(service: Service, _id: str, params: StripeObject) -> Any:
    return service.faults.order(params).shown()


def _clear_faults(service: Service, _id: str, _params: StripeObject) -> Any:
    service.faults.waiting.clear()
    return {"faults": []}


def _webhooks(service: Service, _id: str, _params: StripeObject) -> Any:
    waiting = [one.shown() for one in service.webhooks.waiting]
    return {"waiting": waiting, "sent": list(service.webhooks.sent)}


def _deliver_webhooks(service: Service, _id: str, _params: StripeObject) -> Any:
    """Send all that waits without waiting for its time; it is sent when the answer arrives."""
    return {"due": service.webhooks.release()}


def _webhook_faults(service: Service, _id: str, _params: StripeObject) -> Any:
    return {"faults": [fault.shown() for fault in service.webhooks.faults.waiting]}


def _order_webhook_fault(service: Service, _id: str, params: StripeObject) -> Any:
    return service.webhooks.faults.order(params).shown()


def _clear_webhook_faults(service: Service, _id: str, _params: StripeObject) -> Any:
    service.webhooks.let_go()
    service.webhooks.faults.waiting.clear()
    return {"faults": []}


def _requests(service: Service, _id: str, _params: StripeObject) -> Any:
    return {"requests": list(service.requests.rows)}


def _forget_requests(service: Service, _id: str, _params: StripeObject) -> Any:
    service.requests.rows.clear()
    return {"requests": []}


def _ledger(service: Service, _id: str, _params: StripeObject) -> Any:
    return ledger(service.state)


def _meter_lag(service: Service, _id: str, params: StripeObject) -> Any:
    """Summaries of meter events show each one so many `seconds` after it came in."""
    seconds = required_integer(params, "seconds")
    billing.set_lag(service.state, seconds)
    return {"seconds": seconds}


def _set_pace(service: Service, _id: str, params: StripeObject) -> Any:
    given = params.get("requests_per_second")
    service.pace.requests_per_second = None if given is None else float(given)
    return {"requests_per_second": service.pace.requests_per_second}


def _open_dispute(service: Service, _id: str, params: StripeObject) -> Any:
    made = billing.open_dispute(service.state, str(required(params, "charge")), params)
    return shown(service.state, made)


def _resolve_dispute(service: Service, id_: str, params: StripeObject) -> Any:
    return shown(service.state, billing.resolve_dispute(service.state, id_, str(required(params, "status"))))


def _file(service: Service, id_: str, _params: StripeObject) -> Any:
    return addressed(service.state, "file", id_) | {"sha256": billing.sha256_of(service.state, id_)}


def _raise_fraud_warning(service: Service, _id: str, params: StripeObject) -> Any:
    return billing.raise_fraud_warning(service.state, str(required(params, "charge")), params)


def _pay_out(service: Service, _id: str, _params: StripeObject) -> Any:
    return billing.pay_out(service.state)


def _fail_payout(service: Service, id_: str, params: StripeObject) -> Any:
    return billing.fail_payout(service.state, id_, str(params.get("failure_code") or "could_not_process"))


def _settle_refund(service: Service, id_: str, _params: StripeObject) -> Any:
    return billing.settle_refund(service.state, id_)


def _fail_refund(service: Service, id_: str, params: StripeObject) -> Any:
    reason = str(params.get("reason") or "expired_or_canceled_card")
    return billing.fail_refund(service.state, id_, reason)


def _set_outcomes(service: Service, id_: str, params: StripeObject) -> Any:
    addressed(service.state, "payment_method", id_)
    required(params, "outcomes")
    outcomes = [str(one) for one in list_of(params, "outcomes")]
    billing.set_card_outcomes(service.state, id_, outcomes)
    return {"payment_method": id_, "outcomes": outcomes}


def _set_final_dunning(service: Service, id_: str, params: StripeObject) -> Any:
    addressed(service.state, "subscription", id_)
    becomes = str(required(params, "becomes"))
    billing.set_final_dunning(service.state, id_, becomes)
    return {"subscription": id_, "becomes": becomes}


def _set_retries(service: Service, _id: str, params: StripeObject) -> Any:
    made = billing.set_retries(service.state, params)
    return {name: value for name, value in made.items() if name not in {"id", "object"}}


_DEEDS: dict[tuple[str, str], Deed] = {
    ("GET", "/clock"): _clock,
    ("POST", "/clock/advance"): _advance,
    ("GET", "/state"): _fingerprint,
    ("GET", "/faults"): _faults,
    ("POST", "/faults"): _order_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("GET", "/webhooks"): _webhooks,
    ("POST", "/webhooks/deliver"): _deliver_webhooks,
    ("GET", "/webhook-faults"): _webhook_faults,
    ("POST", "/webhook-faults"): _order_webhook_fault,
    ("DELETE", "/webhook-faults"): _clear_webhook_faults,
    ("GET", "/requests"): _requests,
    ("DELETE", "/requests"): _forget_requests,
    ("GET", "/ledger"): _ledger,
    ("POST", "/meter-lag"): _meter_lag,
    ("POST", "/pace"): _set_pace,
    ("POST", "/disputes"): _open_dispute,
    ("POST", "/disputes/{id}/resolve"): _resolve_dispute,
    ("GET", "/files/{id}"): _file,
    ("POST", "/fraud_warnings"): _raise_fraud_warning,
    ("POST", "/payouts"): _pay_out,
    ("POST", "/payouts/{id}/fail"): _fail_payout,
    ("POST", "/refunds/{id}/settle"): _settle_refund,
    ("POST", "/refunds/{id}/fail"): _fail_refund,
    ("POST", "/payment_methods/{id}/outcomes"): _set_outcomes,
    ("POST", "/subscriptions/{id}/final_dunning"): _set_final_dunning,
    ("POST", "/retries"): _set_retries,
}
