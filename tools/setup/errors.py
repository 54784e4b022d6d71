"""The ways in which set-up can fail that a person at the keyboard can put right."""


class SetupError(Exception):
    """Set-up cannot go on; the message is one line that says what to do."""


class NetworkError(SetupError):
    """Something has to be downloaded and could not be."""


class SignatureError(SetupError):
    """A package list came without a signature that this machine can check."""


class MissingError(SetupError):
    """The machine lacks something that set-up does not install by itself."""
