"""Names and telephone numbers as people type them: folded and valid, or refused with a reason."""

import random
import unicodedata

import pytest

from app.zeus.application import FIELDS, faults_of, is_full_width_kana, size_of
from app.zeus.customer_names import (
    MESSAGES,
    NameFault,
    NameRefused,
    fold_name,
    fold_telephone,
)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("コンビニ　タロウ", "コンビニ　タロウ"),
        ("こんびに たろう", "コンビニ　タロウ"),
        ("ｺﾝﾋﾞﾆ ﾀﾛｳ", "コンビニ　タロウ"),
        ("ﾊﾟｰｸ\u00a0ﾎﾟｰﾙ", "パーク　ポール"),
        (unicodedata.normalize("NFD", "ガギグ パピプ"), "ガギグ　パピプ"),
        ("か\u3099ぎ", "ガギ"),
        ("カﾞ", "ガ"),
        ("ゔぁん", "ヴァン"),
        ("ポ-ル", "ポール"),
        ("ポ－ル‐ス−ミ―ス", "ポールースーミース"),
        ("ソニー タチバナ ミ", "ソニー　タチバナ　ミ"),
        ("  タロウ\u3000", "タロウ"),
        ("ヵヶゎ", "ヵヶヮ"),
        ("ア" * 20, "ア" * 20),
    ],
)
def test_folding(typed: str, sent: str) -> None:
    assert sent == fold_name(typed)


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("", NameFault.MISSING),
        (" \u3000", NameFault.ONLY_SPACES),
        ("ア" * 21, NameFault.TOO_LONG),
        ("山田 タロウ", NameFault.KANJI),
        ("佐々木", NameFault.KANJI),
        ("𠮷田", NameFault.KANJI),
        ("Taro", NameFault.LETTERS),
        ("タロウ２", NameFault.LETTERS),
        ("タロウ\n", NameFault.CONTROL),
        ("タロウ\x00", NameFault.CONTROL),
        ("タロウ・ジロウ", NameFault.OTHER),
        ("タロウ😀", NameFault.OTHER),
        ("ヷイオリン", NameFault.OTHER),
        ("-タロウ", NameFault.OTHER),
        ("タロウ〜", NameFault.OTHER),
        ("\u3099タロウ", NameFault.OTHER),
        ("タロウ\ud800", NameFault.OTHER),
    ],
)
def test_what_cannot_be_read_is_refused(typed: str, fault: NameFault) -> None:
    with pytest.raises(NameRefused) as refused:
        fold_name(typed)
    assert fault is refused.value.fault
    assert MESSAGES[fault] == str(refused.value)


def folded_or_reason(typed: str) -> str | NameFault:
    try:
        return fold_name(typed)
    except NameRefused as refused:
        return refused.fault


def test_10_000_random_names_are_valid_or_refused_with_a_reason() -> None:
    dice = random.Random(17)
    pools = (
        [chr(code) for code in range(0x3041, 0x3100)],
        [chr(code) for code in range(0x30A1, 0x30FB)],
        [chr(code) for code in range(0xFF61, 0xFFA0)],
        list(" \u3000-‐−－ー\u00a0\u3099\u309a゛゜・〜～"),
        list("山田﨑髙々①㈱Aｂ1９é😀\n\t\x00\ud800\u200b\ufeff"),
    )
    weights = (40, 40, 20, 12, 1)
    sent = refused = 0
    for _ in range(10_000):
        length = dice.randint(0, 24)
        typed = "".join(dice.choice(pool) for pool in dice.choices(pools, weights, k=length))
        name = folded_or_reason(typed)
        if isinstance(name, NameFault):
            refused += 1
            continue
        sent += 1
        assert is_full_width_kana(name), typed
        assert 0 < (size_of(name) or 0) <= FIELDS["username"].max_bytes, typed
        assert name == name.encode("shift_jis").decode("shift_jis"), "the strict codec has it"
        assert not [
            fault for fault in faults_of({"username": name}) if fault.parameter == "username"
        ]
        assert name == fold_name(name), "folding changes nothing that was folded"
    assert sent > 1_000
    assert refused > 1_000


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("0312345678", "0312345678"),
        ("03-1234-5678", "0312345678"),
        ("０３－１２３４－５６７８", "0312345678"),
        ("090 1234 5678", "09012345678"),
        ("+81 90-1234-5678", "09012345678"),
        ("+8103-1234-5678", "0312345678"),
        ("＋81312345678", "0312345678"),
        ("03ー1234ー5678", "0312345678"),
    ],
)
def test_telephone_numbers(typed: str, sent: str) -> None:
    assert sent == fold_telephone(typed)


@pytest.mark.parametrize("typed", ["+1 212 555 0100", "(03)1234-5678", "12345678", "03-1234-567x"])
def test_other_telephone_numbers_break_the_rule(typed: str) -> None:
    assert "telno" in [fault.parameter for fault in faults_of({"telno": fold_telephone(typed)})]
