"""The ways in which a command can fail that the person at the keyboard can put right.

Each message is one plain line that says what happened and what to do. `tools.cli.main` prints it
and ends with exit status 2; everything that is not a ToolError is a bug and keeps its traceback.
"""


class ToolError(Exception):
    """A command cannot go on; the message says why and what to do."""


class UnreachableError(ToolError):
    """The fleet server does not answer at its address."""


class LoginNeededError(ToolError):
    """There is no login, it has expired, or the password is wrong."""


class ForbiddenError(ToolError):
    """The login is good but its roles do not allow this."""


class NotFoundError(ToolError):
    """What the command names does not exist."""


class RefusedError(ToolError):
    """The server understood and refused.

    Attributes:
        code: the server's stable word for the reason.
        field: the input at fault, where the server named one.
    """

    def __init__(self, message: str, code: str = "", field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class ServerFaultError(ToolError):
    """The server failed by its own fault, or answered what no fleet server answers."""


class FileError(ToolError):
    """A file is missing, unreadable, not what it should be, or would be overwritten."""


class UsageError(ToolError):
    """What was typed does not make sense to this command."""


class DemoError(ToolError):
    """The demo district cannot do this now."""


class ProcessEndedError(DemoError):
    """A process that the demo needs has ended; the message ends with the tail of its log."""
