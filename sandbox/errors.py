"""The refusals of the sandbox, in the shape in which Stripe sends them."""

from typing import Any


class StripeError(Exception):
    """Stripe says no: `status` is HTTP's, `type` and `code` are Stripe's, `message` is for people.

    `more` holds what only some errors carry: decline_code, advice_code, network_decline_code, charge, payment_intent.
    """

    def __init__(
        self,
        *,
        status: int,
        type: str,  # noqa: A002 - Stripe's name for it
        message: str,
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.code = code
        self.message = message
        self.param = param
        self.more = more
        # A declined card is remembered though its request was refused, unless all of it is to be taken back.
        self.leaves_traces = status == 402

    def body(self) -> dict[str, Any]:
        """The answer's JSON; what is unknown is left out, as Stripe does."""
        fields = {"code": self.code, "message": self.message, "param": self.param, "type": self.type, **self.more}
        if self.code:
            fields["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        return {"error": {key: value for key, value in sorted(fields.items()) if value is not None}}
