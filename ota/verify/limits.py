"""Bounds on everything in a release, checked before memory or flash is spent on it."""

# Two slots of 512 KiB and the node's own state fit a 4 MB flash beside MicroPython itself.
MAX_BUNDLE_BYTES = 512 * 1024

# The loader reads a module whole; a file of half the node's 128 KB heap could never run.
MAX_FILE_BYTES = 64 * 1024

# An application has about 70 today; bounds the directory work on littlefs.
MAX_FILES = 128

# Deep enough for firmware/drivers/<part>.mpy with room; one littlefs name may hold 255.
MAX_PATH_BYTES = 96

# A manifest has about 200 bytes; the cap also bounds how deep JSON in it can nest.
MAX_MANIFEST_BYTES = 512

# Each signature costs a node up to seconds of work, before anything proves it is worth it.
MAX_SIGNATURES = 8

# trust.json holds up to MAX_SIGNATURES keys of 65 bytes in hexadecimal, and their ids.
MAX_TRUST_BYTES = 2048

MAX_NAME_CHARS = 32
MAX_COUNTER = 2**31 - 1
MAX_EXPIRES_S = 2**40
