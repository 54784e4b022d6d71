"""The outside world: database, broker, files, clock, live news. Implements `ports`."""
