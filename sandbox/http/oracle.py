"""What a simulation is judged by: every change that was asked for and what came of it, and where the money of each charge stands."""

from collections import defaultdict, deque
from typing import Any

import msgspec

from sandbox.objects import StripeObject
from sandbox.state import State

REQUESTS_REMEMBERED = 100_000


class RequestLog:
    """The latest requests under /v1 that were to change something, in the order in which they were answered."""

    def __init__(self) -> None:
        self.rows: deque[StripeObject] = deque(maxlen=REQUESTS_REMEMBERED)

    def note(
        self,
        request_id: str,
        method: str,
        path: str,
        key: str | None,
        *,
        at: int,
        status: int | None,
        body: bytes,
        replayed: bool,
    ) -> None:
        """Remember one. `status` None is a connection that was closed with nothing done; replays have no effect of their own."""
        if method == "GET":
            return
        done = msgspec.json.decode(body) if status == 200 and not replayed else {}
        self.rows.append(
            {
                "request": request_id,
                "at": at,
                "method": method,
                "path": path,
                "idempotency_key": key,
                "replayed": replayed,
                "status": status,
                "object": done.get("id"),
            }
        )


def ledger(state: State) -> StripeObject:
    """Charge by charge what was taken and given back, invoice by invoice who paid it and how often that was tried.

    Amounts are minor units of the charge's currency, `balance` is the sum of all balance transactions in usd cents.
    """
    refunds, disputes = _by(state, "refund", "charge"), _by(state, "dispute", "charge")
    charges, payments = _by(state, "charge", "payment_intent"), _by(state, "invoice_payment", "invoice")
    return {
        "charges": {
            id_: {
                **_fields(charge, "amount", "currency", "customer", "status", "amount_captured", "amount_refunded"),
                "refunds": [_fields(one, "id", "amount", "status", "reason", "created") for one in refunds[id_]],
                "disputes": [_fields(one, "id", "amount", "status", "reason", "created") for one in disputes[id_]],
            }
            for id_, charge in state.objects["charge"].items()
        },
        "invoices": {
            id_: {
                **_fields(invoice, "amount_due", "amount_paid", "currency", "customer", "status", "attempt_count"),
                "attempts": [
                    _fields(charge, "id", "amount", "status", "failure_code", "created")
                    for payment in payments[id_]
                    for charge in charges[payment["payment"].get("payment_intent")]
                ],
            }
            for id_, invoice in state.objects["invoice"].items()
        },
        "balance": sum(row["net"] for row in state.objects["balance_transaction"].values()),
    }


def _by(state: State, kind: str, field: str) -> defaultdict[Any, list[StripeObject]]:
    found: defaultdict[Any, list[StripeObject]] = defaultdict(list)
    for obj in state.objects[kind].values():
        found[obj[field]].append(obj)
    return found


def _fields(obj: StripeObject, *names: str) -> StripeObject:
    return {name: obj[name] for name in names}
