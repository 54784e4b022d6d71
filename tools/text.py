"""Comparing what people type with names in Vietnamese."""

import unicodedata


def plain(text: str) -> str:
    """Text for comparing: lower case, one blank between words, without accents."""
    # Đ is a letter of its own and does not decompose.
    folded = text.casefold().replace("đ", "d")
    parts = unicodedata.normalize("NFD", folded)
    return " ".join("".join(part for part in parts if not unicodedata.combining(part)).split())
