"""The control cabinet: contactors that follow the calendar, and a three-phase meter."""
