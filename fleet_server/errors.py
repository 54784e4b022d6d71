"""Errors that reach whoever called the server, each with a stable code.

A capability raises one of these; `main.py` turns it into
`{"error": {"code", "message", "field"?}}` with the status given here. The
message is plain text for a person and never carries a secret.
"""


class FleetError(Exception):
    """A request cannot be done; `code` is stable, `message` is for a person."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, code: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.field = field

    def body(self) -> dict[str, dict[str, str]]:
        """The JSON body of the answer."""
        error = {"code": self.code, "message": self.message}
        if self.field is not None:
            error["field"] = self.field
        return {"error": error}


class InvalidError(FleetError):
    """The request breaks a rule; `field` says where."""

    status = 422
    code = "invalid"


class NotLoggedInError(FleetError):
    """No login, or one that has expired."""

    status = 401
    code = "not_logged_in"


class NotAllowedError(FleetError):
    """Logged in, but without the role that this needs."""

    status = 403
    code = "not_allowed"


class NotFoundError(FleetError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class ConflictError(FleetError):
    """The thing is in a state in which this cannot be done."""

    status = 409
    code = "conflict"


class TooLargeError(FleetError):
    """The request's body is larger than its route takes."""

    status = 413
    code = "too_large"


class TooManyError(FleetError):
    """Asked too often; `retry_after_s` says when to try again."""

    status = 429
    code = "too_many"

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnavailableError(FleetError):
    """Something that the server depends on is away; trying again later helps."""

    status = 503
    code = "unavailable"


class BrokerUnavailableError(UnavailableError):
    """The broker is away, or was lost before it acknowledged."""

    code = "broker_unavailable"


class BrokerTimeoutError(UnavailableError):
    """The broker is there but did not acknowledge in time."""

    code = "broker_timeout"


class SettingsError(FleetError):
    """The server was started with settings that cannot work."""

    code = "settings"
