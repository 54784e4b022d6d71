"""Stories: whole ways through the system, with its real processes."""
