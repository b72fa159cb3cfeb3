"""Lists as the official SDK reads them: order, cursors, filters, expand, and lists inside other objects."""

import pytest
import stripe

from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer, stripe_client


def customers(sdk: stripe.StripeClient, count: int, **given: str) -> list[str]:
    return [sdk.v1.customers.create({"name": f"Customer {index}", **given}).id for index in range(count)]


def test_the_newest_comes_first_and_of_one_second_the_last_made(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Two customers in the first second, one a day later."""
    first, second = customers(stripe_sdk, 2)
    sandbox_server.advance(days=1)
    [third] = customers(stripe_sdk, 1)

    listed = stripe_sdk.v1.customers.list()

    assert [one.id for one in listed.data] == [third, second, first]
    assert [one.created for one in listed.data] == [EMPTY_STARTS_AT + 86_400, EMPTY_STARTS_AT, EMPTY_STARTS_AT]


def test_ten_come_when_no_limit_is_given(stripe_sdk: stripe.StripeClient) -> None:
    customers(stripe_sdk, 12)

    listed = stripe_sdk.v1.customers.list()

    assert (len(listed.data), listed.has_more, listed.url) == (10, True, "/v1/customers")


def test_paging_to_the_end_meets_every_object_once(stripe_sdk: stripe.StripeClient) -> None:
    """Pages of 3 + 3 + 1."""
    made = customers(stripe_sdk, 7)

    found = [one.id for one in stripe_sdk.v1.customers.list({"limit": 3}).auto_paging_iter()]

    assert found == made[::-1]


def test_a_page_before_an_object_holds_its_nearest_newer_ones(stripe_sdk: stripe.StripeClient) -> None:
    """Made 0 1 2 3 4; before object 1 with a limit of two stand 3 and 2, and 4 is still beyond."""
    made = customers(stripe_sdk, 5)

    page = stripe_sdk.v1.customers.list({"limit": 2, "ending_before": made[1]})

    assert [one.id for one in page.data] == [made[3], made[2]]
    assert page.has_more
    assert not stripe_sdk.v1.customers.list({"limit": 2, "ending_before": made[2]}).has_more


def test_a_new_object_does_not_shift_the_pages_behind_a_cursor(stripe_sdk: stripe.StripeClient) -> None:
    made = customers(stripe_sdk, 4)
    first = stripe_sdk.v1.customers.list({"limit": 2})
    customers(stripe_sdk, 1)

    second = stripe_sdk.v1.customers.list({"limit": 2, "starting_after": first.data[-1].id})

    assert [one.id for one in second.data] == [made[1], made[0]]


def test_a_cursor_that_is_not_there_is_refused(stripe_sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe_sdk.v1.customers.list({"starting_after": "cus_gone"})

    assert (refused.value.http_status, refused.value.param) == (400, "starting_after")
    assert refused.value.user_message == "No such customer: 'cus_gone'"


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_has_one_to_a_hundred_objects(stripe_sdk: stripe.StripeClient, limit: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stripe_sdk.v1.customers.list({"limit": limit})

    assert refused.value.param == "limit"


def test_created_includes_its_start_and_excludes_its_end(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """One customer a day; from day 1 up to day 3 are two of them."""
    made = []
    for _ in range(4):
        made += customers(stripe_sdk, 1)
        sandbox_server.advance(days=1)
    day = [EMPTY_STARTS_AT + 86_400 * index for index in range(4)]

    def found(created: object) -> list[str]:
        return [one.id for one in stripe_sdk.v1.customers.list({"created": created}).data]  # type: ignore[typeddict-item]  # any form on purpose

    assert found({"gte": day[1], "lt": day[3]}) == [made[2], made[1]]
    assert found({"gt": day[1], "lte": day[3]}) == [made[3], made[2]]
    assert found(day[2]) == [made[2]]


def test_a_deleted_customer_leaves_the_list_and_answers_as_deleted(stripe_sdk: stripe.StripeClient) -> None:
    kept, gone = customers(stripe_sdk, 2)

    stripe_sdk.v1.customers.delete(gone)

    assert [one.id for one in stripe_sdk.v1.customers.list().data] == [kept]
    assert stripe_sdk.v1.customers.retrieve(gone).deleted is True


def test_filters_leave_what_they_name(demo_company_server: SandboxServer) -> None:
    """Every filter against a plain look through the whole list."""
    sdk = stripe_client(demo_company_server.url)
    objects = demo_company_server.state.objects
    invoice = next(one for one in objects["invoice"].values() if one["status"] == "open")
    payment = next(one for one in objects["invoice_payment"].values() if one["status"] == "paid")
    intent = payment["payment"]["payment_intent"]
    subscription = invoice["parent"]["subscription_details"]["subscription"]

    def ids(listed: stripe.ListObject) -> set[str]:
        return {one.id for one in listed.auto_paging_iter()}

    def stored(kind: str, **wanted: object) -> set[str]:
        return {id_ for id_, one in objects[kind].items() if all(one[name] == value for name, value in wanted.items())}

    of_customer = {"customer": invoice["customer"], "limit": 100}
    assert ids(sdk.v1.invoices.list({**of_customer, "status": "open"})) == stored(
        "invoice", customer=invoice["customer"], status="open"
    )
    assert invoice["id"] in ids(sdk.v1.invoices.list({"subscription": subscription, "limit": 100}))
    assert ids(sdk.v1.charges.list({"payment_intent": intent})) == stored("charge", payment_intent=intent)
    assert ids(sdk.v1.invoice_payments.list({"payment": {"type": "payment_intent", "payment_intent": intent}})) == {
        payment["id"]
    }
    assert ids(sdk.v1.invoice_payments.list({"status": "open", "limit": 100})) == stored(
        "invoice_payment", status="open"
    )
    assert ids(sdk.v1.balance_transactions.list({"type": "refund", "limit": 100})) == stored(
        "balance_transaction", type="refund"
    )
    assert ids(sdk.v1.prices.list({"active": True, "currency": "eur", "limit": 100})) == stored(
        "price", active=True, currency="eur"
    )


def test_a_subscription_that_ended_is_listed_only_when_asked_for(demo_company_server: SandboxServer) -> None:
    sdk = stripe_client(demo_company_server.url)
    stored = demo_company_server.state.objects["subscription"].values()

    def count(**status: str) -> int:
        return sum(1 for _ in sdk.v1.subscriptions.list({"limit": 100, **status}).auto_paging_iter())

    canceled = sum(one["status"] == "canceled" for one in stored)
    assert canceled > 0
    assert count() == len(stored) - canceled
    assert count(status="all") == len(stored)
    assert count(status="canceled") == canceled


def test_an_invoice_shows_ten_lines_and_its_own_list_has_the_rest(stripe_sdk: stripe.StripeClient) -> None:
    """Thirteen items of 1.00 on one invoice: 10 shown, 3 beyond the last shown."""
    [customer] = customers(stripe_sdk, 1)
    for index in range(13):
        stripe_sdk.v1.invoice_items.create(
            {"customer": customer, "amount": 100, "currency": "usd", "description": f"Item {index}"}
        )
    invoice = stripe_sdk.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})

    shown = invoice.lines
    rest = stripe_sdk.v1.invoices.line_items.list(invoice.id, {"starting_after": shown.data[-1].id})

    assert (len(shown.data), shown.has_more, invoice.total) == (10, True, 13 * 100)
    assert [line.description for line in rest.data] == ["Item 10", "Item 11", "Item 12"]
    assert not rest.has_more


def test_events_are_read_by_type_and_for_thirty_days(
    sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    [customer] = customers(stripe_sdk, 1)
    stripe_sdk.v1.customers.update(customer, {"name": "Other"})
    [updated] = stripe_sdk.v1.events.list({"types": ["customer.updated", "invoice.paid"]}).data

    assert updated.data.previous_attributes.to_dict() == {"name": "Customer 0"}
    assert len(stripe_sdk.v1.events.list({"type": "customer.*"}).data) == 2

    sandbox_server.advance(days=30)
    assert len(stripe_sdk.v1.events.list().data) == 2
    sandbox_server.advance(seconds=1)
    assert stripe_sdk.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        stripe_sdk.v1.events.retrieve(updated.id)
