"""Talks to a fleet server as a user does: over its HTTP API, with a login of its own.

Owns the address and token files (`credentials`) and the one HTTP client (`http`). Leaves the
meaning of the answers to the commands, and all printing to `tools.cli`.
"""
