"""Texts of the console: translations, formats, and labels of codes."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
from babel.messages.pofile import read_po

from app.console.texts import i18n, labels
from app.console.texts.i18n import Language, choose
from app.events.types import EventType, OrderState
from app.forwarding.outcome import OutcomeKind
from app.judging.verdicts import Verdict
from app.operations.deliveries.models import WebhookState
from app.operations.subscribers.models import SubscriberState
from app.settings import Settings
from tests.console.catalogue import CONSOLE, messages

LATE = datetime(2026, 11, 23, 15, 30, 5, tzinfo=UTC)


def test_every_text_is_in_the_japanese_catalogue_and_no_other() -> None:
    with (CONSOLE / "locales/ja/LC_MESSAGES/console.po").open("rb") as file:
        catalogue = read_po(file, locale="ja")
    translated = {message.id: message.string for message in catalogue if message.id}
    assert set(messages()) == set(translated)
    assert [key for key, text in translated.items() if not text or text == ("",)] == []
    assert not any(message.fuzzy for message in catalogue if message.id)


def test_every_setting_is_explained_in_japanese_too() -> None:
    with (CONSOLE / "locales/ja/LC_MESSAGES/settings.po").open("rb") as file:
        translated = {
            message.id: message.string for message in read_po(file, locale="ja") if message.id
        }
    assert {info.description for info in Settings.model_fields.values()} == set(translated)
    assert all(translated.values())


def test_translations_have_the_same_placeholders() -> None:
    with (CONSOLE / "locales/ja/LC_MESSAGES/console.po").open("rb") as file:
        catalogue = read_po(file, locale="ja")
    for message in catalogue:
        texts = [message.id] if isinstance(message.id, str) else list(message.id)
        string = message.string or ""
        strings = [string] if isinstance(string, str) else list(string)
        places = {place for text in texts for place in re.findall(r"%\(\w+\)s", text)}
        for translated in strings:
            assert places == set(re.findall(r"%\(\w+\)s", translated)), message.id


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("order", OrderState),
        ("event", EventType),
        ("verdict", Verdict),
        ("webhook", WebhookState),
        ("subscriber", SubscriberState),
        ("outcome", OutcomeKind),
    ],
)
def test_every_code_has_a_label(kind: str, codes: type[StrEnum]) -> None:
    assert [code for code in codes if labels.label_of(kind, code)[0] == code] == []


def test_a_reason_names_its_parameter() -> None:
    assert ("Differs from the earlier call", "money") == labels.label_of("reason", "differs:money")
    assert ("of a new version", "") == labels.label_of("reason", "of a new version")


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "ja,en;q=0.8", Language.JAPANESE),
        (None, "ja-JP", Language.JAPANESE),
        (None, "en-GB,en;q=0.9,ja;q=0.8", Language.ENGLISH),
        (None, "de", Language.ENGLISH),
        (None, "", Language.ENGLISH),
        (None, ";;,,\x00", Language.ENGLISH),
        ("ja", "en", Language.JAPANESE),
        ("xx", "ja", Language.JAPANESE),
    ],
)
def test_choice_of_language(chosen: str | None, accepted: str, language: Language) -> None:
    assert language is choose(chosen, accepted)


def test_times_are_in_japan() -> None:
    assert "2026-11-24 00:30:05" == i18n.moment(LATE)
    assert "2026年11月24日(火) 00:30:05 JST" == i18n.in_words(LATE, Language.JAPANESE)
    assert "Tue 24 Nov 2026, 00:30:05 JST" == i18n.in_words(LATE, Language.ENGLISH)


def test_formats_of_durations_amounts_and_numbers() -> None:
    assert "3 minutes ago" == i18n.ago(LATE - timedelta(minutes=3), Language.ENGLISH, LATE)
    assert "3 分前" == i18n.ago(LATE - timedelta(minutes=3), Language.JAPANESE, LATE)
    assert "in 2 hours" == i18n.ago(LATE + timedelta(hours=2), Language.ENGLISH, LATE)
    assert "¥5,400" == i18n.yen(5400, Language.ENGLISH)
    assert "1,234,567" == i18n.number(1_234_567, Language.JAPANESE)
