"""
Why an endpoint gave no usable answer, by what the chain package can do about it.

    ChainUnavailable            (anchor.errors) the caller may retry later
    ├── EndpointFailure         nothing usable came: the same question may be asked again
    ├── AnswerTooLarge          ask for less
    ├── EndpointRefusal         the endpoint answered with a JSON-RPC error object
    ├── BadAnswer               the endpoint answered what cannot be true
    └── SignerFailure           a remote signer did not sign what it was asked to sign
"""

from __future__ import annotations

from anchor.errors import ChainUnavailable


class EndpointFailure(ChainUnavailable):
    """No usable answer came; `retry_after_s` is the pause that the endpoint asked for, if it did."""

    def __init__(self, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class AnswerTooLarge(ChainUnavailable):
    """The answer exceeded the limit and was not read to its end."""


class EndpointRefusal(ChainUnavailable):
    """The endpoint answered with a JSON-RPC error; `text` is its message with every secret removed."""

    def __init__(self, message: str, *, code: int, text: str) -> None:
        super().__init__(message)
        self.code = code
        self.text = text


class BadAnswer(ChainUnavailable):
    """An answer has a type or range that it cannot have; the message only names what came."""


class SignerFailure(ChainUnavailable):
    """A remote signer did not sign, or signed something else than it was asked to: nothing may be sent."""
