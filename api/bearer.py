"""Who calls: one bearer token that acts in one role."""

import hmac
from dataclasses import dataclass, field

from starlette.responses import JSONResponse

from api.problems import problem
from billing.principals import Principal

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="metering"'}


@dataclass(frozen=True)
class Gate:
    """The token that is asked for, None when there is none and so no API; and in whose name it acts."""

    token: str | None = field(repr=False)
    principal: Principal

    def refusal(self, authorization: str | None) -> JSONResponse | None:
        """The answer to a request that may not come in, by its Authorization header; None when it may."""
        if self.token is None:
            return problem(404, "The API is off: METERING_API_TOKEN is not set.")
        scheme, _, given = (authorization or "").partition(" ")
        is_bearer = scheme.lower() == "bearer"
        # In constant time, so that the time of an answer says nothing of how much of a guess was right.
        if not is_bearer or not hmac.compare_digest(given.strip().encode(), self.token.encode()):
            return problem(401, "Send the API's token: `Authorization: Bearer …`.", headers=CHALLENGE)
        return None
