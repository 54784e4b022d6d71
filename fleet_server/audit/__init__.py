"""The audit: who changed what, when, from where; written in the same transaction."""

from fleet_server.audit.service import record

__all__ = ["record"]
