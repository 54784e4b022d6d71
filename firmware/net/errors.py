"""What can be wrong between the node and the network; each name is one that the server shows."""

from firmware.core.errors import LinkError


class LinkConfigError(LinkError):
    """config.json asks for a link that this board has no part for."""

    name = "link_config_damaged"


class WifiError(LinkError):
    """The Wi-Fi network is not there, or does not take the key."""

    name = "wifi_not_joined"


class LanError(LinkError):
    """No cable, or nobody on it who gives an address."""

    name = "lan_down"


class ModemSilentError(LinkError):
    """The modem does not answer: it hangs, or has no power."""

    name = "modem_silent"


class ModemError(LinkError):
    """The modem refuses a command that it should know."""

    name = "modem_error"


class NoSimError(LinkError):
    """No SIM card, or one that wants a PIN; a wrong PIN would lock it, so none is ever sent."""

    name = "no_sim"


class NotRegisteredError(LinkError):
    """No network takes this modem."""

    name = "not_registered"


class NoCarrierError(LinkError):
    """The network gives no data connection: a wrong APN, or no credit."""

    name = "no_carrier"


class TimeFloorError(LinkError):
    """A time server tells a time before one that is known to have been."""

    name = "time_before_floor"
