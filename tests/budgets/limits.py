"""Every budget of the firmware, with its reason. A figure that is missed fails a test.

Instructions and bytes repeat exactly, so these bounds hold on any machine; seconds of a
stopwatch do not, and belong to tests/bench.
"""

# --- The sun (protocols/sun.py against libastro) ---

# A lamp that switches 5 s beside the sun switches right: dusk falls by a tenth in a minute.
SUN_S = 5.0
# Where the sun sinks more slowly, a second is not a fair measure of an equation: at Tromso, about
# the first and last days of polar night, a thousandth of a degree of height is a minute of time.
SUN_SLOPE_DEG_PER_S = 0.0001
# The height at the moment given, everywhere: 1/100 of the sun's disc, and far below what the air's
# refraction at the horizon varies by (0.1 deg and more).
SUN_HEIGHT_DEG = 0.005
# The years that a node built today is on its pole.
SUN_FIRST_DAY = 9497  # 2026-01-01, in days since 2000-01-01
SUN_DAYS = 3653

# --- Instructions on the i386 MicroPython, counted by callgrind ---

# Taking an ESP32 at 240 MHz for 100 million such instructions a second (an estimate: its code
# comes from flash), this is 0.6 ms a report, and 40 ms for a batch of 64 after an outage, within
# one 200 ms beat of the lamp.
REPORT_INSTRUCTIONS = 60_000
# Sunrise and sunset of one day together, at the worst place and day: 15 ms. A night's plan asks
# for four such days at noon, which is still one beat of the lamp.
SUNRISE_INSTRUCTIONS = 1_500_000

# One step of a renewal's sums on P-256: 3 ms, after which the lamp and the connection have their
# turn; a whole renewal has 520 of them, once in two years.
RENEWAL_STEP_INSTRUCTIONS = 300_000

# --- Flash ---

# The MQTT client: core, session and transport. mqtt_as, the nearest public one, has 11.0 KB.
MQTT_CLIENT_BYTES = 9 * 1024
MQTT_CLIENT = ("firmware/net/mqtt.mpy", "firmware/net/session.mpy", "firmware/net/transport.mpy")

# --- Heap on the i386 MicroPython, whose pointers and blocks are an ESP32's ---

# Half of what a plain ESP32 gives Python, so that an order, a full batch and a download block
# find room beside everything that is loaded.
HEAP_BOOT_BYTES = 70 * 1024
# After a month: room for the update's modules (20 KB), and in one piece for the largest message
# that may come down (16 KB) with its decoded parts.
HEAP_SOAK_FREE_BYTES = 40 * 1024
HEAP_SOAK_LARGEST_BYTES = 20 * 1024
HEAP_SOAK_DAYS = 30
# What a plain ESP32 gives Python; the simulated parts, which lie in the same heap here and take
# some 45 KB of it, are measured and get theirs on top.
HEAP_NODE_BYTES = 128 * 1024
# A month must not leave more behind than a connection and its last messages.
HEAP_SOAK_GROWTH_BYTES = 8 * 1024
