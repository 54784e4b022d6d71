"""Named troubles of the node; the name travels in the reported state, so it never changes."""


class FirmwareError(Exception):
    """A trouble that the node reports by name and survives."""

    name = "firmware_error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(self.name + ": " + detail if detail else self.name)
        self.detail = detail


class ConfigError(FirmwareError):
    """config.json or board.json is missing, damaged or incomplete."""

    name = "config_damaged"


class SensorError(FirmwareError):
    """A sensor is silent, answers nonsense, or fails its checksum."""

    name = "sensor_failure"


class LinkError(FirmwareError):
    """The network below the connection is away."""

    name = "link_down"


class NameNotFoundError(LinkError):
    """A server's name has no address."""

    name = "name_not_found"


class ClockNotSetError(LinkError):
    """The time is not known, so no certificate could be checked."""

    name = "clock_not_set"


class ConnectionLostError(FirmwareError):
    """The other side closed the connection, or is silent for too long."""

    name = "connection_lost"


class SilenceError(ConnectionLostError):
    """Nobody answers: the other side, or the way to it, may be gone."""

    is_silence = True


class RefusedError(FirmwareError):
    """The broker answered the connection request with a refusal."""

    name = "connection_refused"


class ServerUntrustedError(FirmwareError):
    """The server's certificate is not one of our fleet's, not for its name, or over."""

    name = "server_not_trusted"


class CertificateRefusedError(FirmwareError):
    """The server does not take our certificate."""

    name = "certificate_refused"


class DownloadError(FirmwareError):
    """The update's bytes cannot be fetched: the server refuses or answers nonsense."""

    name = "download_failed"
