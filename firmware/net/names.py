"""A server's name to its address, anew at each connection, without holding up the lamp.

The system's getaddrinfo blocks everything for as long as a name server is silent. So where
the link knows its name server the question is asked by dns.py, which is loaded then. Where
it knows none, or the host is an address already, the system is asked.

    address = await names.resolve("fleet.example", 8883, socket.SOCK_STREAM)
"""

import socket

# What the link said when it came up; None asks the system.
server = None
_NO_SERVER = "0.0.0.0"


async def resolve(host: str, port: int, sort: int) -> tuple:
    """(family, .., socket address) of a host, as getaddrinfo gives it.

    Raises:
        NameNotFoundError: there is no such name, or nobody tells.
        OSError: the system's resolver failed.
    """
    if server not in (None, _NO_SERVER) and not is_address(host):
        from firmware.net import dns

        host = await dns.ask(host, server)
    return socket.getaddrinfo(host, port, 0, sort)[0]


def is_address(host: str) -> bool:
    """Whether this is a dotted IPv4 address."""
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
