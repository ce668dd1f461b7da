"""Words in a language: the catalogues of `messages`, and how that language writes figures and moments."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from navarch.cli.machine import state as machine_state
from navarch.cli.output import parse_time
from navarch.console import codes, remedies
from navarch.console.preferences import DEFAULT_LANGUAGE

MESSAGES = Path(str(files("navarch.console"))) / "messages"
_GIB_FROM_MIB = 1024
_KIB, _TENTH = 1024, 0.1
_SHORT = 10.0  # seconds
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language. English is what the messages themselves say."""
    if language == DEFAULT_LANGUAGE:
        return NullTranslations()
    with (MESSAGES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


class Words:
    """What pages say in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(language)
        self._say = translations(language).ugettext

    def phase(self, phase: str) -> str:
        """A phase."""
        return self._code(codes.PHASES, phase)

    def condition(self, type_: str) -> str:
        """What a condition is about."""
        return self._code(codes.CONDITIONS, type_)

    def reason(self, reason: str) -> str:
        """Why something is as it is, what is in the way, or what happened: by its code."""
        return self._code(codes.REASONS, reason)

    def way(self, reason: str, cluster: Any) -> tuple[str, str] | None:
        """What a button says that leads to a remedy, and where it leads, below the console's root."""
        found = remedies.way(reason, cluster)
        return (self._say(found[0]), found[1]) if found is not None else None

    def part(self, name: str) -> str:
        """A row of progress, or a word for a machine's state. What begins with "machine" goes on with its name."""
        if name.startswith("machine "):
            return self._say("machine %(name)s") % {"name": name.removeprefix("machine ")}
        return self._code(codes.PARTS, name)

    def quota(self, resource: str) -> str:
        """A quota; those of one volume type by its name."""
        name, _, type_ = resource.partition("_")
        if name in ("volumes", "gigabytes") and type_:
            return f"{self._code(codes.QUOTAS, name)} ({type_})"
        return self._code(codes.QUOTAS, resource)

    def kind(self, step: str) -> str:
        """What a step of a plan makes."""
        return self._code(codes.REASONS, step)

    def object_kind(self, kind: str) -> str:
        """A kind of object in the cloud."""
        return self._code(codes.KINDS, kind)

    def machine_state(self, machine: Any) -> str:
        """Where a machine is, in a word or two."""
        return self.part(machine_state(machine))

    def span(self, seconds: float) -> str:
        """Seconds as people say them, in one or two units."""
        whole = max(0, round(seconds))
        if whole < 2 * _MINUTE:
            return self._say("%(s)d s") % {"s": whole}
        if whole < 2 * _HOUR:
            return self._say("%(m)d min %(s)02d s") % {"m": whole // _MINUTE, "s": whole % _MINUTE}
        if whole < 2 * _DAY:
            return self._say("%(h)d h %(m)02d min") % {"h": whole // _HOUR, "m": whole % _HOUR // _MINUTE}
        return self._say("%(d)d d %(h)d h") % {"d": whole // _DAY, "h": whole % _DAY // _HOUR}

    def took(self, seconds: float) -> str:
        """How long a step took: short ones with a tenth."""
        if seconds < _SHORT:
            return self._say("%(s)s s") % {"s": format_decimal(round(seconds, 1), locale=self._locale)}
        return self.span(seconds)

    def since(self, value: str | None, now: datetime) -> str:
        """How long ago."""
        return self.span((now - parse_time(value)).total_seconds()) if value else "–"

    def exact(self, value: str) -> str:
        """A moment, with its zone named."""
        return f"{format_datetime(parse_time(value).astimezone(UTC), 'medium', locale=self._locale)} UTC"

    def number(self, value: float) -> str:
        """A figure."""
        return str(format_decimal(value, locale=self._locale))

    def amount(self, value: int | None, unit: str | None) -> str:
        """A figure of a quota: memory in GiB, where the API counts MiB."""
        if value is None:
            return "∞"
        if unit == "MiB":
            return self._say("%(n)s GiB") % {"n": self.number(round(value / _GIB_FROM_MIB, 1))}
        if unit == "GiB":
            return self._say("%(n)s GiB") % {"n": self.number(value)}
        return f"{self.number(value)} {unit}" if unit else self.number(value)

    def measured(self, code: str) -> str:
        """A chart, a line of one, a range, a severity. Lines may have names of nodes, which are shown as they are."""
        return self._code(codes.FIGURES, code)

    def clock(self, value: str, days: bool) -> str:
        """A moment below a chart, in UTC: its time, or its day."""
        if not value:
            return ""
        pattern = "d MMM" if days else "HH:mm"
        return str(format_datetime(parse_time(value).astimezone(UTC), pattern, locale=self._locale))

    def figure(self, value: float | None, unit: str) -> str:
        """A figure of a chart, in the unit that it is read best in."""
        if value is None:
            return "–"
        if unit == "share":
            return self._say("%(n)s %%") % {"n": self.number(round(100 * value, 1 if value < _TENTH else 0))}
        if unit == "seconds":
            is_short = value < 1
            figure = self.number(round(1000 * value) if is_short else round(value, 1))
            return (self._say("%(n)s ms") if is_short else self._say("%(n)s s")) % {"n": figure}
        if unit.startswith("bytes"):
            power = 0
            while value >= _KIB and power < len(codes.SIZES) - 1:
                value, power = value / _KIB, power + 1
            said = self._say(codes.SIZES[power]) % {
                "n": self.number(round(value, 0 if value >= 100 or not power else 1))
            }
            return self._say("%(amount)s/s") % {"amount": said} if unit == "bytes/s" else said
        if unit == "1/s":
            return self._say("%(amount)s/s") % {"amount": self.number(round(value, 2 if value < 10 else 0))}
        return self.number(round(value, 2 if unit == "cores" and value < 100 else 0))

    def money(self, value: str, currency: str) -> str:
        """An amount with its currency, to the cent; less than one with all its figures."""
        figure = Decimal(value)
        pattern = "#,##0.00" if figure >= 1 or not figure else "#,##0.00##"
        return f"{format_decimal(figure, pattern, locale=self._locale)} {currency}"

    def size(self, flavor: Any) -> str:
        """A flavor's size in a line."""
        cores = self._say("%(n)s vCPU") % {"n": self.number(flavor["vcpus"])}
        return f"{cores} · {self.amount(flavor['ram_mib'], 'MiB')} · {self.amount(flavor['disk_gib'], 'GiB')}"

    def _code(self, table: Any, code: str) -> str:
        """A code's words; one that this console does not know yet is shown as it came."""
        return self._say(table[code]) if code in table else code
