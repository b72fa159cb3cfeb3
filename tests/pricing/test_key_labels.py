"""A name of a key is shown as it is, a secret by its last four characters and nothing more."""

import pytest

from pricing.key_labels import shown_key


@pytest.mark.parametrize(
    "name", ["key_prod", "batch", "Sascha's laptop", "production-europe-west", "apikey_01ABCDEFGH"]
)
def test_a_name_is_shown(name: str) -> None:
    assert shown_key(name) == name


@pytest.mark.parametrize(
    "secret",
    [
        "sk-ant-api03-Zr4kLmQ8x1vTa1f3",
        "sk-proj-9f8e7d6ca1f3",
        "AIzaSyD-madeupmadeupa1f3",
        "Bearer xa1f3",
        "4d7a99c1e0b74d7a99c1e0b7a1f3",
        "eyJhbGciOiJIUzI1NiJ9.made.upa1f3",
    ],
)
def test_of_what_may_be_a_secret_only_the_end_is_shown(secret: str) -> None:
    assert shown_key(secret) == "\N{HORIZONTAL ELLIPSIS}a1f3"
