# CRC-8, high bit first, as the I2C sensors append it. SHT3x and SCD4x: polynomial 0x31 from
# 0xFF (BEEF gives 92); SMBus packet check: polynomial 0x07 from 0x00.


def crc8(data: bytes, polynomial: int, start: int) -> int:
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & 0x80 else crc << 1) & 0xFF
    return crc


# 16-bit words that each carry their checksum (Sensirion), or None if one does not fit.
def sensirion_words(raw: bytes) -> list[int] | None:
    words = []
    for at in range(0, len(raw) - 2, 3):
        if crc8(raw[at : at + 2], 0x31, 0xFF) != raw[at + 2]:
            return None
        words.append(raw[at] << 8 | raw[at + 1])
    return words
