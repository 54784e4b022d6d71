"""Dimming programs, their calendars on the nodes, and manual overrides that end by themselves."""
