"""How an API key of a usage log is shown: a name as it is, what may be a secret by its last characters alone."""

import re

# As providers and gateways begin their keys; what follows is the secret.
_BEGINS_AS_A_SECRET = re.compile(r"^(sk|pk|rk|ak|gsk|xai|hf|ghp|AIza|Bearer)[-_ ]|^AIza|^eyJ", re.IGNORECASE)
# Letters and digits mixed over such a length are no name that a person gave.
_LEAST_LENGTH = 20
SHOWN = 4


def shown_key(api_key: str) -> str:
    """The name of a key, or … and its last four characters where it looks like a secret."""
    looks_random = len(api_key) >= _LEAST_LENGTH and any(each.isdigit() for each in api_key) and " " not in api_key
    if _BEGINS_AS_A_SECRET.match(api_key) or looks_random:
        return f"\N{HORIZONTAL ELLIPSIS}{api_key[-SHOWN:]}"
    return api_key
