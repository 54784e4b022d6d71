"""From evidence to one alarm for each root cause."""
