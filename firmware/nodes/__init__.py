"""One module per kind of node: its rules, from readings to faults, alarms and actuators."""
