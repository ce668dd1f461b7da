"""How a person wants to see the pages: language, theme, time zone, keys. Kept by account; until then, as the browser
says."""

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES: Mapping[str, str] = {"en": "English", "ru": "Русский"}  # each by its own name, in every language
DEFAULT_LANGUAGE = "en"
THEMES = ("", "light", "dark")
TIME_ZONES = ("", "local")
SHORTCUTS = ("", "off")


@dataclass(frozen=True, slots=True)
class Preferences:
    """`language`: empty: what the browser asks for. `theme`: empty: the system's. `time_zone`: empty: UTC; `local`: the
    browser's. `shortcuts`: empty: single keys do something; `off`: none does, for people who speak to their computer or
    press keys by accident (WCAG 2.1.4)."""

    language: str = ""
    theme: str = ""
    time_zone: str = ""
    shortcuts: str = ""

    @property
    def known(self) -> bool:
        """Whether each is one that there is."""
        return (
            self.language in ("", *LANGUAGES)
            and self.theme in THEMES
            and self.time_zone in TIME_ZONES
            and self.shortcuts in SHORTCUTS
        )


def language_of(preferences: Preferences, accepted: str) -> str:
    """The language to speak. `accepted`: the browser's Accept-Language."""
    if preferences.language in LANGUAGES:
        return preferences.language
    asked: list[tuple[float, str]] = []
    for place, part in enumerate(accepted.split(",")[:20]):
        name, _, weight = part.partition(";q=")
        try:
            asked.append((-float(weight or 1) + place / 1000, name.strip().partition("-")[0].lower()))
        except ValueError:
            continue
    return next((name for _, name in sorted(asked) if name in LANGUAGES), DEFAULT_LANGUAGE)
