"""Finds what a person names: a group or a program by id or by name, accents optional."""

from typing import Any

from tools.client.http import FleetClient
from tools.errors import NotFoundError, UsageError
from tools.text import plain


def find_group(client: FleetClient, name: str) -> dict[str, Any]:
    """The group of that id or name.

    Raises:
        NotFoundError: there is none.
        UsageError: several have that name.
    """
    return _one(client.get("groups")["groups"], name, "group", "cityfleet groups list")


def find_program(client: FleetClient, name: str) -> dict[str, Any]:
    """The program of that id or name. Raises as `find_group`."""
    return _one(client.get("programs")["programs"], name, "program", "cityfleet programs list")


def find_release(client: FleetClient, name: str) -> dict[str, Any]:
    """The release of that id, or of `kind-version`. Raises as `find_group`."""
    found: list[dict[str, Any]] = client.get("releases")["releases"]
    named = [{**item, "name": f"{item['kind']}-{item['version']}"} for item in found]
    return _one(named, name, "release", "cityfleet release list")


def _one(items: list[dict[str, Any]], name: str, what: str, listing: str) -> dict[str, Any]:
    by_id = [item for item in items if str(item["id"]) == name]
    if by_id:
        return by_id[0]
    by_name = [item for item in items if plain(str(item["name"])) == plain(name)]
    if len(by_name) == 1:
        return by_name[0]
    if by_name:
        ids = ", ".join(str(item["id"]) for item in by_name)
        raise UsageError(f"several have the name {name}; take an id: {ids}")
    raise NotFoundError(f"there is no {what} {name}; see: {listing}")
