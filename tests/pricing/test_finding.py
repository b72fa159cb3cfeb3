"""A subject keeps its name: what two runs say of the same thing meets in one alert."""

import pytest

from pricing.finding import Subject


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        (Subject(scope="company"), "company"),
        (Subject(scope="customer", customer_id="cus_1"), "customer|customer_id=cus_1"),
        (
            Subject(scope="customer_model", customer_id="cus_1", provider="openai", model="gpt-4o"),
            "customer_model|customer_id=cus_1|provider=openai|model=gpt-4o",
        ),
        (Subject(scope="source", name="stripe"), "source|name=stripe"),
    ],
)
def test_a_subject_is_named_by_its_scope_and_what_it_has(subject: Subject, key: str) -> None:
    assert subject.key == key


def test_a_customer_and_a_source_of_the_same_name_are_two_subjects() -> None:
    assert Subject(scope="customer", customer_id="acme").key != Subject(scope="source", name="acme").key
