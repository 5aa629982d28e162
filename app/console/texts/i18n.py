"""Languages of the console: choice, catalogues, and formats of times, amounts and numbers."""

from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal

COOKIE = "zeus_relay_language"
LANGUAGE_SECONDS = 365 * 24 * 3600
JAPAN = timezone(timedelta(hours=9), "JST")
"""Asia/Tokyo. Japan has had no summer time since 1951, so no time zone database is needed."""

_LOCALES = Path(__file__).parents[1] / "locales"


class Language(StrEnum):
    """A language of the console. English is in the code; the others have a catalogue."""

    JAPANESE = "ja"
    ENGLISH = "en"

    @property
    def own_name(self) -> str:
        """Return the language's name in that language."""
        return {"ja": "日本語", "en": "English"}[self]


def choose(chosen: str | None, accepted: str) -> Language:
    """Return the chosen language, else the first match of Accept-Language, else English."""
    if chosen in list(Language):
        return Language(chosen)
    wanted = [
        part.partition(";")[0].strip().replace("-", "_") for part in accepted[:500].split(",")
    ]
    found = negotiate_locale(
        [name for name in wanted if name], [language.value for language in Language]
    )
    return Language(found) if found else Language.ENGLISH


@cache
def translations(language: Language) -> NullTranslations:
    """Return the texts of a language: pages and settings."""
    texts = _catalogue(language, "console")
    texts.add_fallback(_catalogue(language, "settings"))
    return texts


def _catalogue(language: Language, name: str) -> NullTranslations:
    """Return one catalogue, compiled at run time: no compiled copy can be out of date."""
    source = _LOCALES / language / "LC_MESSAGES" / f"{name}.po"
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def moment(when: datetime) -> str:
    """Return a time in Japan to the second, such as `2026-11-23 14:05:33`, in any language."""
    return when.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M:%S")


def in_words(when: datetime, language: Language) -> str:
    """Return a time in Japan as part of a sentence, with its time zone."""
    pattern = {
        Language.JAPANESE: "y年M月d日(E) HH:mm:ss",
        Language.ENGLISH: "EEE d MMM y, HH:mm:ss",
    }[language]
    return f"{format_datetime(when.astimezone(JAPAN), pattern, locale=_locale(language))} JST"


def ago(when: datetime, language: Language, now: datetime | None = None) -> str:
    """Return the distance of a time from now in one unit: `3 minutes ago`, `3 分前`."""
    span = when - (now or datetime.now(UTC))
    return format_timedelta(span, add_direction=True, threshold=1.2, locale=_locale(language))


def span(seconds: float, language: Language) -> str:
    """Return a duration in one unit."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.2, locale=_locale(language))


def yen(amount: int, language: Language) -> str:
    """Return an amount in yen."""
    return format_currency(amount, "JPY", locale=_locale(language))


def day(iso: str, language: Language) -> str:
    """Return a day with its weekday, such as `2026年11月23日(月)`."""
    pattern = {Language.JAPANESE: "y年M月d日(E)", Language.ENGLISH: "EEE d MMM y"}[language]
    return format_date(date.fromisoformat(iso), pattern, locale=_locale(language))


def short_day(iso: str, language: Language) -> str:
    """Return a day in the least space, such as `11/23`."""
    pattern = {Language.JAPANESE: "M/d", Language.ENGLISH: "d MMM"}[language]
    return format_date(date.fromisoformat(iso), pattern, locale=_locale(language))


def compact(value: int, language: Language) -> str:
    """Return a round number in the least space, such as `250万` or `2.5M`."""
    return format_compact_decimal(value, locale=_locale(language), fraction_digits=1)


def number(value: int, language: Language) -> str:
    """Return a number with thousands separators."""
    return format_decimal(value, locale=_locale(language))


@cache
def _locale(language: Language) -> Locale:
    return Locale.parse(language.value)
