"""From when until when a certificate is good: the two dates out of its DER, and nothing else.

What a certificate is worth is judged by TLS; this only reads what the node was given.

Source: RFC 5280, sections 4.1 and 4.1.2.5.
"""

from firmware.core.clock import unix_s


def validity_s(certificate: bytes) -> tuple[int, int]:
    """(first, last) unix second of a certificate; (0, 0) where it cannot be read."""
    try:
        at, _ = _content(certificate, 0)  # Certificate
        at, _ = _content(certificate, at)  # TBSCertificate
        for _ in range(4):  # version, serialNumber, signature, issuer
            at = _content(certificate, at)[1]
        start, _ = _content(certificate, at)  # Validity
        begin, end = _content(certificate, start)
        last, last_end = _content(certificate, end)
        return _time_s(certificate[begin:end]), _time_s(certificate[last:last_end])
    except (IndexError, ValueError):
        return 0, 0


def _content(data: bytes, at: int) -> tuple[int, int]:
    """(start, end) of the content of the element at `at`."""
    size = data[at + 1]
    start = at + 2
    if size & 0x80:
        count = size & 0x7F
        size = int.from_bytes(data[start : start + count], "big")
        start += count
    if start + size > len(data):
        raise ValueError
    return start, start + size


def _time_s(raw: bytes) -> int:
    text = raw.decode()
    if len(text) == 13:
        # UTCTime has two digits for the year: 50 to 99 are of the last century.
        text = ("20" if text < "5" else "19") + text
    if len(text) != 15 or text[14] != "Z":
        raise ValueError
    return unix_s(
        int(text[:4]),
        int(text[4:6]),
        int(text[6:8]),
        int(text[8:10]),
        int(text[10:12]),
        int(text[12:14]),
    )
