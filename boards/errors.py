"""What can be wrong with a board description, always with the line at fault."""

from pathlib import Path


class BoardError(Exception):
    """A board description cannot be read or contradicts itself."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message
