"""Every bound of the wire contract, each with its reason."""

# The contract's version, first item of every payload.
VERSION = 1

# A batch of 64 streetlight reports needs about 1 kB; a node's receive buffer is 16 KiB.
UP_BYTES = 4096
DOWN_BYTES = 16384

# A calendar nests document > calendar > programs > program > step.
CBOR_DEPTH = 8
CBOR_ITEMS = 4096
# CBOR permits 64 bits; every integer of the contract is a time, a counter or a scaled reading.
INTEGER_BITS = 64

NODE_ID_CHARS = 31

# Six months of 15-minute boots would be 17,000; 32 bits never wrap in a lamp's life.
BOOT_MAX = 0xFFFFFFFF
SEQUENCE_MAX = 0xFFFFFFFF
DESIRED_VERSION_MAX = 0x7FFFFFFF

# 2020-01-01 to 2106-02-07: before the first, the node's clock was never set.
TIME_MIN_S = 1577836800
TIME_MAX_S = 0xFFFFFFFF

BATCH_REPORTS = 64

# TALQ leaves these open; a night of 24 steps is one every half hour.
PROGRAMS = 16
STEPS = 24
RULES = 64
# Six hours: a larger offset from the sun would cross noon at Vietnamese latitudes.
SUN_OFFSET_MIN = 360
RAMP_S = 3600
UTC_OFFSET_MIN = 14 * 60

# An override left behind by mistake must not outlive a day (longer ones need a calendar).
OVERRIDE_S = 24 * 3600

# Bits in a cabinet's report; the largest cabinets of the cities feed six circuits.
FEEDERS = 8

# From once a second (tests, commissioning) to once a day (a bin in a park).
REPORT_MIN_S = 1
REPORT_MAX_S = 86400

# No time of a station's rules is longer than the day in which it counts.
RULE_S = 24 * 3600
RULE_LIMITS = 4

EVENT_DETAIL_KEYS = 16
TEXT_BYTES = 200
MANIFEST_BYTES = 4096
SIGNATURES = 8
NONCE_BYTES = 32
# A certificate request (PKCS#10) for the longest node id has 233 bytes.
DETAIL_BYTES = 256
# A node's certificate has about 560 bytes.
CERTIFICATE_BYTES = 2048
MARK_BYTES = 8
