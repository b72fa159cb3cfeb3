"""What must be so after any night at the refund queue, held against the sandbox's own objects."""

from collections import Counter
from itertools import pairwise
from typing import Any

from billing.refund_command import KIND, MARK
from billing.refund_states import MOVES
from store import audit, inbox, refund_requests, stripe_commands, stripe_mirror
from store.database import Connection, tenant_transaction
from store.refund_requests import RefundRequest
from store.steps import read_steps
from tests.journeys.bad_queue_nights import LIMITS, QueueNight
from tests.journeys.night import PAID_MINOR

# By the request's state: may Stripe's refund be in these states; None stands for no refund at all.
AT_STRIPE: dict[str, set[str | None]] = {
    "checked": {None},
    "evidence": {None},
    "declined": {None},
    "canceled": {None},
    "settled": {"succeeded"},
    "failed": {None, "failed"},
}


def broken_promises(night: QueueNight) -> list[str]:
    """Every promise that this night broke; none when all is well."""
    at_stripe = list(night.stripe.state.objects["refund"].values())
    with tenant_transaction(night.engine, night.tenant_id) as connection:
        requests = [refund_requests.find(connection, request_id) for request_id in night.asked]
        broken = [line for request in requests if request for line in _broken_by(connection, request, at_stripe)]
        verdict = audit.verify(connection)
        broken += [] if verdict.intact else [verdict.message]
        broken += _unaudited(connection, night)
        broken += _lost_events(connection, night)
        broken += _stale(connection, at_stripe)
        commands = stripe_commands.newest(connection)
    if len(requests) != len({request.external_id for request in requests if request}):
        broken.append("one ticket has two requests")
    for charge_id in night.charges:
        given_minor = sum(
            one["amount"] for one in at_stripe if one["charge"] == charge_id and one["status"] != "failed"
        )
        if given_minor > PAID_MINOR:
            broken.append(f"{charge_id}: {given_minor} given back of {PAID_MINOR}")
    decided = {request.command_id for request in requests if request and request.command_id}
    broken += [f"nobody decided {command.intent_key}" for command in commands if command.command_id not in decided]
    ours = {f"ms-{KIND}-{id_}-v{version}" for id_ in decided for version in range(1, 30)}
    return broken + [
        f"a refund was sent under the key {key}, behind which nobody stands" for key in _keys(night) - ours
    ]


def _broken_by(connection: Connection, request: RefundRequest, at_stripe: list[dict[str, Any]]) -> list[str]:
    """A request's effects at Stripe, its way through the states, and who said yes."""
    name = f"{request.external_id} ({request.state})"
    effects = [one["status"] for one in at_stripe if one["metadata"].get(MARK) == str(request.command_id)]
    broken = [f"{name} has {len(effects)} refunds at Stripe"] if len(effects) > 1 else []
    if (effects or [None])[0] not in AT_STRIPE.get(request.state, set()):
        broken.append(f"{name} is {effects} at Stripe")
    steps = [step.step for step in read_steps(connection, "refund", request.request_id)]
    wrong = [(one, other) for one, other in pairwise(steps) if other not in MOVES[one]]  # type: ignore[index]  # steps are states
    if steps[:1] != ["requested"] or wrong or steps[-1] != request.state:
        broken.append(f"{name} went {steps}")
    if request.decided_by is not None:
        who, role = request.decided_by.removesuffix(")").split(" (")
        limit = LIMITS["usd"].get(role)
        if limit is not None and request.amount_minor > limit:
            broken.append(f"{name}: {who} approved {request.amount_minor}, above the limit of a {role}")
    return broken


def _unaudited(connection: Connection, night: QueueNight) -> list[str]:
    """Each step has its line in the audit log, and each line its step."""
    rows = connection.exec_driver_sql(
        "select action, subject from audit_log where subject like 'refund_request:%%'"
    ).all()
    audited = Counter((subject, action.partition(":")[2]) for action, subject in rows if action.startswith("refund_"))
    taken = Counter(
        (f"refund_request:{id_}", step.step) for id_ in night.asked for step in read_steps(connection, "refund", id_)
    )
    return [] if audited == taken else [f"steps and audit lines differ: {audited - taken} and {taken - audited}"]


def _lost_events(connection: Connection, night: QueueNight) -> list[str]:
    """Whatever Stripe told is in the inbox and handled, although a part of it never arrived."""
    never_came = inbox.unknown_ids(connection, list(night.stripe.state.objects["event"]))
    counts = inbox.counts(connection)
    return (
        [f"{sorted(never_came)} were lost; the inbox holds {counts}"] if never_came or set(counts) > {"handled"} else []
    )


def _stale(connection: Connection, at_stripe: list[dict[str, Any]]) -> list[str]:
    """The mirror shows each refund as Stripe does, in whatever order the events came."""
    mirrored = {
        row["id"]: row["status"]
        for row in stripe_mirror.current(connection, "refund", [one["id"] for one in at_stripe])
    }
    true = {one["id"]: one["status"] for one in at_stripe}
    return [] if mirrored == true else [f"Stripe's refunds are {true}, the mirror has {mirrored}"]


def _keys(night: QueueNight) -> set[str]:
    """The idempotency keys under which our worker asked for refunds."""
    keys = set()
    for exchange in night.exchanges:
        if exchange.method == "POST" and exchange.path == "/v1/refunds":
            headers = {name.lower(): value for name, value in exchange.headers.items()}
            keys.add(headers.get("idempotency-key", "none at all"))
    return {key for key in keys if not key.startswith("by-hand")}
