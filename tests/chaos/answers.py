"""What a call came to, from the exception that it raised."""

from stepraft.client import (
    OutcomeUnknownError,
    OverloadedError,
    RequestError,
    ServerError,
    UnavailableError,
)
from tests.chaos.records import Answer


def answer_of(error: RequestError) -> Answer:
    """Return the class of an error, as a client has to understand it."""
    match error:
        case OutcomeUnknownError():
            return Answer.UNKNOWN
        case UnavailableError() | OverloadedError():
            return Answer.UNAVAILABLE
        case ServerError():
            return Answer.BROKEN
        case _:
            return Answer.REFUSED


def reason_of(error: RequestError) -> str:
    """Return the stable name of an error."""
    return error.reason or error.code
