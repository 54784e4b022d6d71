"""What can go wrong with a bench that is not a bug: each is one line for whoever started it."""


class BenchError(Exception):
    """The bench cannot do what it was asked to."""


class SettingsError(BenchError):
    """bench.json or a file that it names cannot be used."""


class OrderError(BenchError):
    """An order on the control line makes no sense; the bench goes on."""
