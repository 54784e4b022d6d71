"""The words of the screens: gettext catalogues in locale/, read by Babel at start.

Vietnamese is the default. Sentences are looked up by their English text, terms
of the trade (fields, faults, states, reasons) by context and machine name; a
term that no catalogue has is shown as its machine name with spaces. The same
catalogues reach the scripts as one JSON file per language.

    words = load()["vi"]
    words.sentence("Log in"); words.term("kind", "streetlight"); words.count("%(count)s node", ...)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
DEFAULT = "vi"
COOKIE = "cf_lang"
LOCALE_FOLDER = Path(__file__).parent / "locale"
# As in compiled gettext catalogues: context, this, then the message.
_CONTEXT_END = "\x04"
# A hole %(name)s as `re.escape` leaves it.
_HOLE = re.compile(r"%\\\((\w+)\\\)s")


@dataclass(frozen=True, slots=True)
class Words:
    """One language.

    Attributes:
        language: its code.
        texts: message (with its context before it) to text, or to its plural forms.
        script: the same as JSON for the browser.
        version: changes with any word.
    """

    language: str
    texts: Mapping[str, str | tuple[str, ...]]
    script: bytes
    version: str

    @property
    def address(self) -> str:
        """Where the scripts fetch the catalogue."""
        return f"/i18n/{self.language}.json?v={self.version}"

    def sentence(self, text: str, /, **values: Any) -> str:
        """The text of an English sentence; `%(name)s` is replaced by values."""
        found = self.texts.get(text, text)
        return _fill(found if isinstance(found, str) else found[0], values)

    def count(self, one: str, many: str, count: int, /, **values: Any) -> str:
        """The form of a counting sentence that fits `count`."""
        forms = self.texts.get(one, (one, many))
        if isinstance(forms, str):
            forms = (forms,)
        form = forms[0] if count == 1 else forms[-1]
        return _fill(form, {"count": count, **values})

    def term(self, context: str, name: str) -> str:
        """The word for a machine name."""
        found = self.texts.get(f"{context}{_CONTEXT_END}{name}")
        return found if isinstance(found, str) else name.replace("_", " ")

    def message(self, text: str) -> str:
        """The server's own English sentence in this language, with what stands in its holes."""
        context = f"message{_CONTEXT_END}"
        for key, words in self.texts.items():
            if not key.startswith(context) or not isinstance(words, str):
                continue
            pattern = _HOLE.sub(r"(?P<\1>.+)", re.escape(key[len(context) :]))
            found = re.fullmatch(pattern, text)
            if found is not None:
                return _fill(words, found.groupdict())
        return text

    def has_term(self, context: str, name: str) -> bool:
        """Whether there is a word for this machine name."""
        return f"{context}{_CONTEXT_END}{name}" in self.texts


@cache
def load() -> dict[str, Words]:
    """Every language, read once per process."""
    return {language: read(LOCALE_FOLDER / language / "ui.po", language) for language in LANGUAGES}


def read(path: Path, language: str) -> Words:
    """One catalogue file; entries without a text and fuzzy ones are left out.

    Raises:
        OSError: the file cannot be read.
    """
    texts: dict[str, str | tuple[str, ...]] = {}
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    for message in catalogue:
        identity = message.id[0] if isinstance(message.id, (tuple, list)) else message.id
        text = message.string
        if not identity or message.fuzzy or not text or (isinstance(text, tuple) and not all(text)):
            continue
        key = f"{message.context}{_CONTEXT_END}{identity}" if message.context else identity
        texts[key] = tuple(text) if isinstance(text, (tuple, list)) else text
    script = json.dumps(texts, ensure_ascii=False, sort_keys=True).encode()
    return Words(language, texts, script, hashlib.sha256(script).hexdigest()[:10])


def chosen(cookie: str | None) -> str:
    """The language for a reader's cookie."""
    return cookie if cookie in LANGUAGES else DEFAULT


def _fill(text: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = text.replace(f"%({name})s", str(value))
    return text
