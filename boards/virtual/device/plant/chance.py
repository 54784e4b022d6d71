"""SIMULATOR: repeatable chance, the same for the same seed on every build."""


class Chance:
    """A 32-bit xorshift generator (Marsaglia 2003)."""

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ 0x9E3779B9) & 0xFFFFFFFF or 1

    def bits(self, count: int) -> int:
        """An integer of `count` bits, at most 32."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x >> (32 - count)

    def around(self, middle: float, spread: float) -> float:
        """A number near `middle`: three throws make it likelier in the middle."""
        throw = self.bits(16) + self.bits(16) + self.bits(16)
        return middle + spread * (throw / 98302.5 - 1.0)
