"""The catalogues are complete in both languages, and say what they should."""

import json
import re
from pathlib import Path

import pytest

from fleet_server.ui import extract, i18n

HOLE = re.compile(r"%\((\w+)\)s")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_every_word_on_the_screens_is_in_the_catalogue(language: str) -> None:
    assert extract.missing(i18n.load()[language]) == []


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_no_catalogue_keeps_words_that_no_screen_uses(language: str) -> None:
    assert extract.unused(i18n.load()[language]) == []


def test_both_catalogues_know_the_same_terms() -> None:
    vietnamese, english = (set(i18n.load()[language].texts) for language in ("vi", "en"))
    assert vietnamese == english


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_a_translation_fills_the_same_holes_as_its_sentence(language: str) -> None:
    for key, text in i18n.load()[language].texts.items():
        wanted = set(HOLE.findall(key))
        for form in (text,) if isinstance(text, str) else text:
            given = set(HOLE.findall(form))
            # The server's own sentences may be told shorter, never with a hole that stays open.
            assert given <= wanted if key.startswith("message\x04") else given == wanted, key


def test_vietnamese_is_vietnamese() -> None:
    words = i18n.load()["vi"]
    same = [key for key, text in words.texts.items() if text == key and len(key) > 12]
    # A sentence left in English would show up here; what is left has only holes and signs.
    assert all(not re.search(r"[a-z]{4}", HOLE.sub("", text)) for text in same), same


def test_the_sources_are_really_searched() -> None:
    found = extract.sentences()
    assert found["%(count)s active alarm"] == "%(count)s active alarms"  # from a script
    assert "Skip to content" in found  # from a template
    assert "Enrolment" in found  # from Python


def test_counting_follows_the_language() -> None:
    english, vietnamese = i18n.load()["en"], i18n.load()["vi"]
    forms = ("%(count)s lamp", "%(count)s lamps")
    assert english.count(*forms, 1) == "1 lamp"
    assert english.count(*forms, 8) == "8 lamps"
    assert vietnamese.count(*forms, 1) == "1 đèn"
    assert vietnamese.count(*forms, 8) == "8 đèn"


def test_an_unknown_term_is_its_machine_name() -> None:
    words = i18n.load()["vi"]
    assert words.term("fault", "lamp_failure") == "Hỏng đèn"
    assert words.term("fault", "brand_new_fault") == "brand new fault"
    assert not words.has_term("fault", "brand_new_fault")


def test_the_servers_sentences_are_translated_with_what_they_name() -> None:
    words = i18n.load()["vi"]
    text = "There is a program 'Đêm (1)' already."
    assert words.message(text) == "Đã có chương trình 'Đêm (1)'."
    assert words.message("Nobody translated this.") == "Nobody translated this."


def test_the_scripts_get_the_same_catalogue() -> None:
    words = i18n.load()["vi"]
    sent = json.loads(words.script)
    assert sent["Log in"] == "Đăng nhập"
    assert sent["kind\x04streetlight"] == "Đèn đường"
    assert len(sent) == len(words.texts)


def test_a_fuzzy_or_empty_entry_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "ui.po"
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Log in"\nmsgstr ""\n\n'
        '#, fuzzy\nmsgid "Log out"\nmsgstr "Thoát"\n\n'
        'msgid "Map"\nmsgstr "Bản đồ"\n',
        encoding="utf-8",
    )
    words = i18n.read(path, "vi")
    assert dict(words.texts) == {"Map": "Bản đồ"}
    assert "Log in" in extract.missing(words)
