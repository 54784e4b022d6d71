"""Who has mains: what the bench has cut, and which nodes hang on it. Pure.

A node has mains while neither itself nor its feeder nor its cabinet is cut. Cuts do not undo each
other: a feeder that comes back under a cut cabinet stays dark.
"""

from collections.abc import Iterable

from boards.virtual.errors import OrderError
from boards.virtual.settings import NodeSettings

# Kind of cut -> which field of a node names what it hangs on.
_HANGS_ON = {"node": "id", "feeder": "feeder", "cabinet": "cabinet"}


class Feeding:
    """The cuts that stand now."""

    def __init__(self, nodes: Iterable[NodeSettings]) -> None:
        self._nodes = tuple(nodes)
        self._cut: set[tuple[str, str]] = set()

    def has_mains(self, node: NodeSettings) -> bool:
        """Whether the mains reaches this node."""
        return not any(
            (what, getattr(node, field)) in self._cut for what, field in _HANGS_ON.items()
        )

    def cut(self, what: str, name: str) -> list[str]:
        """Cut a node, feeder or cabinet; the ids of the nodes behind it.

        Raises:
            OrderError: there is none of that name.
        """
        behind = self._behind(what, name)
        self._cut.add((what, name))
        return behind

    def restore(self, what: str, name: str) -> list[str]:
        """Undo one cut; the ids of the nodes behind it, with or without mains now.

        Raises:
            OrderError: there is none of that name.
        """
        behind = self._behind(what, name)
        self._cut.discard((what, name))
        return behind

    def _behind(self, what: str, name: str) -> list[str]:
        field = _HANGS_ON[what]
        behind = [node.id for node in self._nodes if getattr(node, field) == name]
        if not behind:
            raise OrderError(f"there is no {what} {name!r} on this bench")
        return behind
