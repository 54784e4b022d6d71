"""One report of each kind as it is measured, in instructions and in bytes; for both runtimes."""

from protocols.fields import CONTROL_CABINET, GREENHOUSE, RESERVOIR, SMART_BIN, STREETLIGHT

AT_S = 1767222712
# Scaled values: a lamp in its second year, a bin half full, a greenhouse at noon, a high reservoir,
# a cabinet with three feeders at night.
ROWS: dict[int, list[int | None]] = {
    STREETLIGHT: [40, 2298, 186, 412, 96, 500, 12345, 4321, 41, 12, 2, -71, 0, 17],
    SMART_BIN: [63, 412, 284, 2, 3604, 118, -88, 0, 17],
    GREENHOUSE: [243, 871, 39, 612, 18400, 251, 40, 312, 227, 98, 1, 1200, -67, 0, 17],
    RESERVOIR: [849213, 40, 1325, 11873, 0, 12610, -93, 0, 17],
    CONTROL_CABINET: [2291, 2304, 2287, 702, 698, 711, 4512, 438211, 7, 7, 0, 0, -79, 0, 17],
}
