"""What comes from the service is partly other people's words: names, messages, what machines say. None of it may do
anything on the terminal of who reads it."""

import re
from typing import Any

# Control characters but line end and tab, those that turn the direction of writing, and what ends a line or paragraph.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(value: Any) -> Any:
    """A decoded answer in whose texts such characters are shown as what they are: not to be seen."""
    if isinstance(value, str):
        return _UNSEEN.sub("\ufffd", value)
    if isinstance(value, list):
        return [harmless(each) for each in value]
    if isinstance(value, dict):
        return {harmless(name): harmless(each) for name, each in value.items()}
    return value
