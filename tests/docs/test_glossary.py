"""Glossary: the same words in both languages, and today's word for each retired one."""

import re

from tests.docs.pages import page, rows
from tools.house import RETIRED_WORDS

ENGLISH = page("docs/explanation/glossary.md")
JAPANESE = page("docs/explanation/glossary.ja.md")


def test_both_glossaries_have_the_same_words() -> None:
    assert [(word, japanese) for word, japanese, _ in rows(ENGLISH, "# Glossary")] == [
        (word, japanese) for japanese, word, _ in rows(JAPANESE, "# 用語集")
    ]


def test_both_glossaries_have_the_same_older_words() -> None:
    assert [(row[0], row[2]) for row in rows(ENGLISH, "## Words of older texts")] == [
        (row[0], row[2]) for row in rows(JAPANESE, "## 以前の言葉")
    ]


def test_every_retired_word_leads_to_todays_word() -> None:
    older = " ".join(row[0] for row in rows(ENGLISH, "## Words of older texts"))
    listed = set(re.findall(r"[a-z]+", older))
    singular = {word if word in listed else word.removesuffix("s") for word in RETIRED_WORDS}
    assert set() == singular - listed
