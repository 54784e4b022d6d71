"""What can go wrong on the release manager's side; refusals by the checks are in verify/."""

from ota.verify.errors import UpdateError


class ReleaseError(Exception):
    """A release cannot be made; the text says why and what to do, in one line."""


class BuildError(ReleaseError):
    """The sources do not make a bundle: a compile error, a bad name, too large."""


class KeyFileError(ReleaseError):
    """A release key or trust file is missing, unreadable, unsafe or already there."""


class MalformedRelease(UpdateError):
    """The release file is not one: damaged, cut short or something else."""

    name = "malformed_release"
