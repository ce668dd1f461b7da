"""The catalogues: each has every message, and its plurals are those of its language."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from navarch.console.languages import MESSAGES, Words, translations
from navarch.console.preferences import DEFAULT_LANGUAGE, LANGUAGES, Preferences, language_of

_TRANSLATED = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
_PLACES = re.compile(r"%\(\w+\)[a-z0-9]+")


@cache
def messages() -> frozenset[str | tuple[str, ...]]:
    """What templates and code say."""
    with (MESSAGES / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    keywords = DEFAULT_KEYWORDS | {"_say": None, "_n": None}
    found = extract_from_dir(MESSAGES.parent, methods, options, keywords=keywords)
    return frozenset(message for _, _, message, _, _ in found if message)


@cache
def catalogue(language: str) -> Catalog:
    with (MESSAGES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def test_there_are_messages() -> None:
    assert len(messages()) > 400
    assert "Create a cluster" in messages()
    assert "Ready" in messages(), "those of code, too"
    assert ("%(num)d hour", "%(num)d hours") in messages()


@pytest.mark.parametrize("language", _TRANSLATED)
def test_every_message_is_in_the_catalogue_and_nothing_else(language: str) -> None:
    known = {m.id for m in catalogue(language) if m.id}
    assert set(messages()) - known == set(), "scripts/console-messages brings them in"
    assert known - set(messages()) == set(), "scripts/console-messages takes them out"


@pytest.mark.parametrize("language", _TRANSLATED)
def test_every_message_is_translated_with_the_same_places(language: str) -> None:
    for message in catalogue(language):
        if not message.id:
            continue
        said = message.string if isinstance(message.string, tuple | list) else (message.string,)
        assert all(said), message.id
        assert not message.fuzzy, message.id
        asked = message.id[-1] if isinstance(message.id, tuple | list) else message.id
        for text in map(str, said):
            assert sorted(_PLACES.findall(text)) == sorted(_PLACES.findall(asked)), message.id


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 час"), (2, "2 часа"), (5, "5 часов"), (11, "11 часов"), (21, "21 час"), (22, "22 часа")]
)
def test_russian_has_three_forms(number: int, said: str) -> None:
    assert translations("ru").ungettext("%(num)d hour", "%(num)d hours", number) % {"num": number} == said


def test_every_catalogue_is_a_language_that_is_offered() -> None:
    assert {path.stem for path in Path(MESSAGES).glob("*.po")} == set(_TRANSLATED)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("de-DE,de;q=0.9", "en"),
        ("de, ru-RU;q=0.8, en;q=0.7", "ru"),
        ("en;q=0.5, ru;q=0.9", "ru"),
        ("ru;q=x", "en"),
    ],
)
def test_the_browsers_language_is_spoken_where_there_is_one(accepted: str, language: str) -> None:
    assert language_of(Preferences(), accepted) == language
    assert language_of(Preferences(language="ru"), accepted) == "ru"


def test_figures_and_moments_are_written_as_the_language_does() -> None:
    english, russian = Words("en"), Words("ru")
    assert (english.number(12345.5), russian.number(12345.5)) == ("12,345.5", "12\xa0345,5")
    assert english.amount(3072, "MiB") == "3 GiB"
    assert russian.amount(1536, "MiB") == "1,5 ГиБ"
    assert english.exact("2026-11-30T03:04:05Z").replace("\u202f", " ") == "Nov 30, 2026, 3:04:05 AM UTC"
    assert russian.exact("2026-11-30T03:04:05Z") == "30 нояб. 2026\u202fг., 03:04:05 UTC"
    assert (english.span(125), russian.span(125)) == ("2 min 05 s", "2 мин 05 с")


def test_a_code_that_is_not_known_is_shown_as_it_came() -> None:
    assert Words("ru").reason("FromTheFuture") == "FromTheFuture"
    assert Words("ru").part("machine cp-0") == "машина cp-0"
    assert Words("ru").quota("volumes_ssd") == "тома (ssd)"
