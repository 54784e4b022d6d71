"""Bounds of the node's own queues, waits and files, each with its reason."""

# Without flash for the outbox: an encoded report is about 48 bytes, 240 of them fit 16 KB of
# heap and are an hour at 15 s.
OUTBOX_REPORTS = 240
# Faults, alarms and update steps of a very bad day; they wait apart from the reports.
OUTBOX_EVENTS = 64
# On flash: what a cut may send again. At 8 the cursor costs an eighth of the records' own
# writes, and what a city repeats after an outage is one batch from each node.
ACKNOWLEDGED_UNSAVED = 8
# Left blank behind every other event: a last gasp has 20 bytes and takes 28 there, and its
# moment has no time for an erase.
LAST_GASP_BYTES = 32
# What may be on its way un-acknowledged; a slow broker must not fill the socket buffer.
IN_FLIGHT = 8
# What waits for the socket; a server that floods us and reads nothing must not fill the heap.
SEND_PIECES = 64
# Reports that waited travel together; ten of a streetlight fit 200 bytes.
BATCH_REPORTS = 32

# The first retry is quick, a broker that is down for a day sees a try each 5 minutes.
BACKOFF_MIN_MS = 1000
BACKOFF_MAX_MS = 300000
# A network that is away for a week must not make a street flicker each hour.
RESET_FOR_LINK_S = 86400

CONNECT_TIMEOUT_MS = 20000
# An un-acknowledged packet for this long means that the connection is dead.
ACK_TIMEOUT_MS = 30000
KEEPALIVE_S = 60
# A certificate is looked at this often, and asked for again; it lasts for years.
RENEW_CHECK_S = 6 * 3600

# Fixed header and topic stand beside the payload of protocols.limits.DOWN_BYTES.
PACKET_EXTRA_BYTES = 256
RECEIVE_BYTES = 1024

# A task that crashes is started again after 1, 2, 4 .. seconds.
RESTART_MIN_MS = 1000
RESTART_MAX_MS = 60000
# Longer than the slowest thing that holds the processor: a P-256 check on an ESP32.
WATCHDOG_MS = 60000
SUPERVISOR_MS = 1000

STATE_FILE_BYTES = 32768
CONFIG_BYTES = 8192

# A trial that has not heard the server's echo by then goes back.
TRIAL_MS = 300000
TRIAL_ATTEMPTS = 3
ECHO_RETRY_MS = 15000

DOWNLOAD_BLOCK_BYTES = 4096
DOWNLOAD_TRIES = 8
HTTP_HEAD_BYTES = 2048
HTTP_TIMEOUT_MS = 20000

# Sensors of a station are read this often; fire and flood must not wait for a report.
MEASURE_MS = 2000

# Where no schedule is known a lamp behaves as a plain photocell would.
REPORT_S = 900
# While water rises, who decides about an evacuation wants each minute.
ALARM_REPORT_S = 60

# Runs that end badly in a row before one keeps to the needful; two may be a storm.
CRASHES_TO_SAFE = 3
# A run as long as this was a good one; a safe run is left after it, and doubles each time it
# was left in vain: 1, 2, 4 .. 16 hours.
GOOD_RUN_S = 3600
SAFE_ROUNDS = 4
# A task that cannot go on has failed so often in a row; then only a reset can help.
TASK_FAILURES = 8
# A heap in pieces mends by nothing but a reset.
MEMORY_FAILURES = 4
# Crash events: a handful at once, then one in ten minutes; each with so much of exception and
# traceback as the contract's texts hold and RTC memory's area has room for twice.
CRASH_REPORTS = 6
CRASH_REPORT_MS = 600000
TRACE_CHARS = 120

# After a return of the mains each node reports at its own moment within this time, and its
# lamp is tested once the street has settled.
SPREAD_S = 60
SELF_TEST_S = 120
# A lumen-depreciation curve is given in steps of ten thousand hours.
OUTPUT_CURVE = 12
# A node that sleeps is awake for this long at most, and its watchdog, which nothing feeds, ends
# a wake that hangs. An update may take longer; what is left of it waits for the next wake.
AWAKE_S = 18
WAKE_WATCHDOG_EXTRA_MS = 2000
AWAKE_UPDATE_MS = 900000
# How long a wake waits for an answer about its certificate.
RENEWAL_MS = 10000
# After the last acknowledgement, for what the server answers.
LISTEN_MS = 300
# How often a sleeping node looks by itself: a fire that no pin tells of is seen by then.
SLEEP_S = 60
# A look at what may become a fault comes sooner, a few times in a row.
QUICK_LOOK_S = 10
QUICK_LOOKS = 4
# A server that was not reached is tried again after so long, doubled each time; with an alarm
# to tell not later than after a quarter of an hour.
RADIO_RETRY_S = 60
RADIO_RETRY_MAX_S = 7200
RADIO_RETRY_URGENT_S = 900
