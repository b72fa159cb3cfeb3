"""Webhook endpoints: where events are to be sent, which, and the secret that signs them."""

from sandbox.billing.params import flag, list_of, merge_metadata, metadata, required
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.state import State
from sandbox.thin_events import is_thin_only, thin_type

ENDPOINT = "webhook_endpoint"
DESTINATION = "v2.core.event_destination"
# The secret is shown once, when the endpoint is made; it is kept where no route serves it.
SECRET = "sandbox.webhook_secret"  # noqa: S105 - the name of a kind


def create_webhook_endpoint(state: State, params: StripeObject) -> StripeObject:
    """A new endpoint; only this answer carries its `secret`."""
    url = str(required(params, "url"))
    events = _events(params)
    if not url.startswith(("http://", "https://")):
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="url", code="url_invalid"
        )
    made = state.put(
        {
            "id": state.new_id("we"),
            "object": ENDPOINT,
            "api_version": params.get("api_version"),
            "application": None,
            "created": state.now,
            "description": params.get("description"),
            "enabled_events": events,
            "livemode": False,
            "metadata": metadata(params),
            "status": "enabled",
            "url": url,
        }
    )
    secret = state.new_id("whsec")
    state.put({"id": made["id"], "object": SECRET, "secret": secret})
    return made | {"secret": secret}


def update_webhook_endpoint(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Another address, other events, or switched off."""
    found = addressed(state, ENDPOINT, id_)
    if "enabled_events" in params:
        found["enabled_events"] = _events(params)
    for key in ("url", "description"):
        if key in params:
            found[key] = params[key] or None
    if "disabled" in params:
        found["status"] = "disabled" if flag(params, "disabled", default=False) else "enabled"
    merge_metadata(found, params)
    return found


def delete_webhook_endpoint(state: State, id_: str) -> StripeObject:
    """Nothing is sent there any more."""
    addressed(state, ENDPOINT, id_)
    del state.objects[ENDPOINT][id_]
    del state.objects[SECRET][id_]
    return {"id": id_, "object": ENDPOINT, "deleted": True}


def _events(params: StripeObject) -> list[str]:
    required(params, "enabled_events")
    return [str(one) for one in list_of(params, "enabled_events")]


def secret_of(state: State, id_: str) -> str:
    """What signs the deliveries to an endpoint."""
    return str(state.objects[SECRET][id_]["secret"])


def listeners(state: State, event: StripeObject) -> list[tuple[str, bool]]:
    """The endpoints and destinations that an event is sent to, by id, and whether they get it thin."""
    event_type = event["type"]
    found = [
        (endpoint["id"], False)
        for endpoint in state.objects[ENDPOINT].values()
        if endpoint["status"] == "enabled" and {"*", event_type} & set(endpoint["enabled_events"])
    ]
    for destination in state.objects[DESTINATION].values():
        is_thin = destination["event_payload"] == "thin"
        wanted = thin_type(event_type) if is_thin else event_type
        if destination["status"] == "enabled" and {"*", wanted} & set(destination["enabled_events"]):
            found.append((destination["id"], is_thin))
    return [one for one in found if one[1]] if is_thin_only(event) else found


def address_of(state: State, id_: str) -> str | None:
    """Where to send to; None when the endpoint or destination is gone or switched off."""
    found = state.objects[ENDPOINT].get(id_) or state.objects[DESTINATION].get(id_)
    if found is None or found["status"] != "enabled":
        return None
    return str(found["url"] if found["object"] == ENDPOINT else found["webhook_endpoint"]["url"])
