"""The console's two languages: choosing one, texts from the catalogue, and moments, amounts and spans of time as people read them."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.dates import format_datetime, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

COOKIE = "zeus_relay_language"
LANGUAGE_SECONDS = 365 * 24 * 3600
JAPAN = timezone(timedelta(hours=9), "JST")
"""Asia/Tokyo, which has had no summer time since 1951; so this needs no table of time zones on the machine."""

_LOCALES = Path(__file__).parents[1] / "locales"


class Language(StrEnum):
    """A language of the console. English is the text in the code; the others have a catalogue."""

    JAPANESE = "ja"
    ENGLISH = "en"

    @property
    def own_name(self) -> str:
        """What its speakers call it."""
        return {"ja": "日本語", "en": "English"}[self]


def choose(chosen: str | None, accepted: str) -> Language:
    """The language that was chosen, else the first of the browser's Accept-Language that we have, else English."""
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
    """The texts of a language: those of the pages and those of the settings."""
    texts = _catalogue(language, "console")
    texts.add_fallback(_catalogue(language, "settings"))
    return texts


def _catalogue(language: Language, name: str) -> NullTranslations:
    """One file of texts. It is compiled here, so that no compiled copy can lag behind it."""
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
    """A moment in Japan, to the second: `2026-11-23 14:05:33`. The same in both languages, so that columns line up."""
    return when.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M:%S")


def in_words(when: datetime, language: Language) -> str:
    """A moment in Japan as a sentence has it, with its time zone."""
    pattern = {
        Language.JAPANESE: "y年M月d日(E) HH:mm:ss",
        Language.ENGLISH: "EEE d MMM y, HH:mm:ss",
    }[language]
    return f"{format_datetime(when.astimezone(JAPAN), pattern, locale=_locale(language))} JST"


def ago(when: datetime, language: Language, now: datetime | None = None) -> str:
    """How long ago, or how soon, a moment is, in one unit: `3 minutes ago`, `3 分前`."""
    span = when - (now or datetime.now(UTC))
    return format_timedelta(span, add_direction=True, threshold=1.2, locale=_locale(language))


def span(seconds: float, language: Language) -> str:
    """A span of time in one unit."""
    return format_timedelta(timedelta(seconds=seconds), threshold=1.2, locale=_locale(language))


def yen(amount: int, language: Language) -> str:
    """An amount of money."""
    return format_currency(amount, "JPY", locale=_locale(language))


def number(value: int, language: Language) -> str:
    """A number with its thousands set apart."""
    return format_decimal(value, locale=_locale(language))


@cache
def _locale(language: Language) -> Locale:
    return Locale.parse(language.value)
