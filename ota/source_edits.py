"""Changes to the text of a source that leave every line where it is."""

import ast

# Row and column of the first character, the same behind the last, the new text.
Edit = tuple[tuple[int, int], tuple[int, int], str]


def replaced(node: ast.stmt | ast.expr, text: str) -> Edit:
    """`text` in the place of a node."""
    return start_of(node), end_of(node), text


def start_of(node: ast.stmt | ast.expr) -> tuple[int, int]:
    """Row and column of a node's first character; `ast` counts columns in bytes of UTF-8."""
    return node.lineno - 1, node.col_offset


def end_of(node: ast.stmt | ast.expr) -> tuple[int, int]:
    """Row and column behind a node's last character."""
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.end_lineno - 1, node.end_col_offset


def without_names(node: ast.ImportFrom, dropped: set[str], *, at_top: bool) -> Edit | None:
    """An import without some of its names; None where it has none of them."""
    kept = [alias for alias in node.names if alias.asname or alias.name not in dropped]
    if len(kept) == len(node.names):
        return None
    if not kept:
        return replaced(node, "" if at_top else "pass")
    names = [alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in kept]
    return replaced(node, f"from {node.module} import {', '.join(names)}")


def edited(text: bytes, edits: list[Edit]) -> bytes:
    """The text with changes that do not overlap."""
    lines = text.split(b"\n")
    for (row, column), (end_row, end_column), new in sorted(edits, reverse=True):
        tail = lines[end_row][end_column:]
        lines[row] = lines[row][:column] + new.encode() + tail
        for between in range(row + 1, end_row + 1):
            lines[between] = b""
    return b"\n".join(lines)
