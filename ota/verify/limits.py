"""Bounds on everything in a release, checked before memory or flash is spent on it."""

# Half of the smallest flash map's romfs partition (boards/partitions_4mb.csv).
MAX_BUNDLE_BYTES = 224 * 1024

# A manifest has about 200 bytes; the cap also bounds how deep JSON in it can nest.
MAX_MANIFEST_BYTES = 512

# Each signature costs a node up to seconds of work, before anything proves it is worth it.
MAX_SIGNATURES = 8

# trust.json holds up to MAX_SIGNATURES keys of 65 bytes in hexadecimal, and their ids.
MAX_TRUST_BYTES = 2048

MAX_NAME_CHARS = 32
MAX_COUNTER = 2**31 - 1
MAX_EXPIRES_S = 2**40
