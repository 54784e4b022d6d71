"""`python -m boards.build BOARD --out board.json`: a description as the node reads it.

BOARD is a folder's name under boards/ (streetlight_esp32) or a path to a board.toml.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from boards.description import read_board
from boards.errors import BoardError

_BOARDS = Path(__file__).parent


def build(board: str, out: Path) -> None:
    """Write board.json for a board, whole or not at all.

    Raises:
        BoardError: the description is wrong.
        OSError: it cannot be read or written.
    """
    path = Path(board) if board.endswith(".toml") else _BOARDS / board / "board.toml"
    text = json.dumps(read_board(path).compiled(), sort_keys=True, separators=(",", ":"))
    draft = out.with_name(out.name + ".new")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, out)


def main() -> int:
    """Run from the command line; a known error is one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m boards.build", description=__doc__)
    parser.add_argument("board", help="folder under boards/, or a path to a board.toml")
    parser.add_argument("--out", type=Path, required=True, help="where board.json goes")
    arguments = parser.parse_args()
    try:
        build(arguments.board, arguments.out)
    except (BoardError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
