"""Which words the screens use, read from their own sources; what a catalogue lacks.

    python -m fleet_server.ui.extract      # one line per missing or unused entry

Sentences are found in templates, scripts and Python. Terms are machine names of
the contract and of the capabilities; `TERMS` lists them from where they are defined.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_file

from fleet_server.access.rules import INCLUDES
from fleet_server.ui import i18n
from protocols import errors as protocol_errors
from protocols.fields import FAULTS, FIELDS, KIND_CODES
from protocols.messages import EVENT_NAMES
from protocols.rules import CONDITIONS

FOLDER = Path(__file__).parent
_KEYWORDS = {"_": None, "t": None, "sentence": None, "ngettext": (1, 2), "tn": (1, 2)}
_SOURCES = (
    ("templates", "*.html", "jinja2.ext:babel_extract"),
    ("static/js", "*.js", "javascript"),
    (".", "*.py", "python"),
)
# Terms that every catalogue must have, by context. Other contexts (reasons and errors, which
# grow with the capabilities) may have more; an unknown name is shown as it is.
TERMS: dict[str, frozenset[str]] = {
    "kind": frozenset(KIND_CODES),
    "field": frozenset(field[0] for fields in FIELDS.values() for field in fields),
    "fault": frozenset(name for names in FAULTS.values() for name in names),
    "event": frozenset(EVENT_NAMES.values()),
    "output": frozenset(CONDITIONS),
    "role": frozenset(INCLUDES),
    "refusal": frozenset(protocol_errors.REASONS),
}


def sentences() -> dict[str, str | None]:
    """Every sentence in use, and its plural where it counts."""
    found: dict[str, str | None] = {}
    for folder, pattern, method in _SOURCES:
        for path in _files(FOLDER / folder, pattern):
            for _, message, _, _ in extract_from_file(method, path, keywords=_KEYWORDS):
                one, many = message if isinstance(message, tuple) else (message, None)
                found[one] = many
    return found


def missing(words: i18n.Words) -> list[str]:
    """What a language lacks, sorted."""
    lacking = [text for text in sentences() if text not in words.texts]
    for context, names in TERMS.items():
        lacking += [f"{context}: {name}" for name in names if not words.has_term(context, name)]
    return sorted(lacking)


def unused(words: i18n.Words) -> list[str]:
    """Sentences of a language that no screen uses any more, sorted."""
    used = sentences()
    return sorted(key for key in words.texts if "\x04" not in key and key not in used)


def main() -> int:
    """Prints what is missing or unused; the exit status says whether there is any."""
    problems = 0
    for language, words in i18n.load().items():
        for text in missing(words):
            print(f"{language}: missing: {text}")
            problems += 1
        for text in unused(words):
            print(f"{language}: unused: {text}")
            problems += 1
    return 1 if problems else 0


def _files(folder: Path, pattern: str) -> Iterator[str]:
    found = folder.glob(pattern) if folder == FOLDER / "." else folder.rglob(pattern)
    return (str(path) for path in sorted(found))


if __name__ == "__main__":
    sys.exit(main())
