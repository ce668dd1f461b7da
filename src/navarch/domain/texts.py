"""Texts that others wrote, made safe to be shown: they end up in timelines, logs and on terminals."""

import unicodedata

# Control, format (also those that turn the direction of writing), surrogates, and line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_seen(character: str) -> bool:
    """Whether it is shown, and does nothing instead."""
    return unicodedata.category(character) not in _UNSEEN


def harmless(text: str) -> str:
    """The text with its lines and tabs; in the place of what would do something else stands U+FFFD."""
    return "".join(c if c in "\n\t" or is_seen(c) else "\ufffd" for c in text)
