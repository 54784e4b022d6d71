"""The fleet server: one process that looks after a city's nodes.

Each folder is a capability (registry, access, provisioning, telemetry,
commands, schedules, alarms, stations, rollouts, ui); `main.py` alone joins them.
Import order, top to bottom: main, adapters and ui, alarms, schedules, stations and
rollouts, commands and telemetry, provisioning, registry and access, then
audit, web, ports, settings and errors.
"""
