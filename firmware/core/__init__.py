"""What every kind of node has: clock, storage, supervisor, outbox, desired state."""
