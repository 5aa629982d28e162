"""Text out of bytes in Japanese charsets, whatever charset a mail names.

ISO-2022-JP is read here and not by Python's codecs: none of them reads NEC's row 13 (①, ㈱).
"""

import re
from typing import Final

UNREADABLE: Final = "\ufffd"
"""Sign in the place of bytes that no charset explains. A value that holds it is not a fact."""
_ESCAPE = re.compile(rb"\x1b(\$[@AB]|\$\([@-E]|\([A-J])|([\x0e\x0f])|(\r\n|\r|\n)")
_KANJI, _KANJI_0212, _KANA, _ROMAN, _ASCII = "kanji", "kanji 0212", "kana", "roman", "ascii"
_SETS: Final = {
    b"$@": _KANJI,
    b"$B": _KANJI,
    b"$(@": _KANJI,
    b"$(B": _KANJI,
    b"$(D": _KANJI_0212,
    b"(I": _KANA,
    b"(J": _ROMAN,
    b"(H": _ROMAN,
    b"\x0e": _KANA,
}
_NO_SIGN = re.compile("[\x80\uf8f0-\uf8f3]")
_SIGNS_OF_ZEUS = ("コンビニ決済", "CGI送信エラー")
_OTHERS: Final = re.compile(
    r"(utf-?(16|32)(-?[lb]e)?|iso-?8859-?\d{1,2}|windows-?125\d|cp125\d|gb2312|gbk|gb18030|big5"
    r"|euc-?kr|koi8-?[ru])",
    re.IGNORECASE,
)
"""Further charsets that a mail may name. Some codecs of Python take very long, so not all."""


def text_of(data: bytes, charset: str = "") -> str:
    """Return `data` as text, without NUL. The `charset` that the mail names is only a hint.

    Bytes that cannot be read become UNREADABLE.
    """
    if re.match(r"utf-?(16|32)", charset, re.IGNORECASE) and _OTHERS.fullmatch(charset):
        text = data.decode(charset, "replace")
    elif b"\x1b$" in data or b"\x1b(" in data or (b"\x0e" in data and data.isascii()):
        text = _from_jis(data)
    else:
        text = _from_eight_bits(data, charset)
    return text.replace("\0", "").removeprefix("\ufeff")


def _from_eight_bits(data: bytes, charset: str) -> str:
    """Return the text by the first charset that reads all of it, else by the one that reads most.

    Shift_JIS and EUC-JP often read each other's bytes: words of Zeus decide, then the hint.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    names = ["cp932", "euc_jp"]
    if re.match(r"(x-?)?euc-?jp", charset, re.IGNORECASE):
        names.reverse()
    elif _OTHERS.fullmatch(charset):
        names.append(charset)
    read = [text for name in names if (text := _strict(data, name)) is not None]
    for text in read:
        if any(sign in text for sign in _SIGNS_OF_ZEUS):
            return text
    if len(names) == 3 and (text := _strict(data, charset)) is not None:
        return text  # of another language
    if read:
        return read[0]
    texts = [_read(data, name) for name in ("utf-8", *names)]
    return min(texts, key=lambda text: text.count(UNREADABLE))


def _strict(data: bytes, name: str) -> str | None:
    try:
        text = _read(data, name, "strict")
    except (UnicodeError, LookupError):
        return None
    return None if UNREADABLE in text else text


def _read(data: bytes, name: str, errors: str = "replace") -> str:
    """Return text by a codec. Python's cp932 also reads bytes that are no sign of Shift_JIS."""
    text = data.decode(name, errors)
    return _NO_SIGN.sub(UNREADABLE, text) if name == "cp932" else text


def _from_jis(data: bytes) -> str:
    """Return text in ISO-2022-JP with all that mailers add to it (CP50220, CP50221, CP50222)."""
    texts, state, before, start = [], _ASCII, _ASCII, 0
    for found in _ESCAPE.finditer(data):
        texts.append(_in_set(data[start : found.start()], state))
        start = found.end()
        if found[3]:
            texts.append(found[3].decode())
            state = before = _ASCII  # each line begins in ASCII
        elif found[2] == b"\x0f":
            state = before
        else:
            chosen = _SETS.get(found[1] or found[2], _ASCII)
            if not found[2]:
                before = chosen
            state = chosen
    texts.append(_in_set(data[start:], state))
    return "".join(texts)


def _in_set(data: bytes, state: str) -> str:
    if not data:
        return ""
    if state == _KANJI:
        return _kanji(data)
    if state == _KANJI_0212:
        return _kanji_0212(data)
    if state == _KANA:
        return "".join(chr(0xFF40 + byte) if 0x21 <= byte <= 0x5F else chr(byte) for byte in data)
    text = _read(data, "cp932")
    return text.replace("\\", "¥") if state == _ROMAN else text


def _kanji(data: bytes) -> str:
    """Return pairs of JIS X 0208 as text: each is turned into Shift_JIS and read as cp932."""
    shifted, at = bytearray(), 0
    while at < len(data):
        row, cell = data[at], data[at + 1] if at + 1 < len(data) else 0
        if not 0x21 <= row <= 0x7E:
            shifted.append(row if row < 0x80 else 0xFF)
            at += 1
            continue
        if not 0x21 <= cell <= 0x7E:
            shifted.append(0xFF)  # half a pair, which cp932 does not read
            at += 1
            continue
        shifted.append((row - 0x21) // 2 + (0x81 if row < 0x5F else 0xC1))
        if row % 2:
            shifted.append(cell + (0x1F if cell < 0x60 else 0x20))
        else:
            shifted.append(cell + 0x7E)
        at += 2
    return _read(bytes(shifted), "cp932")


def _kanji_0212(data: bytes) -> str:
    pairs = (data[at : at + 2] for at in range(0, len(data), 2))
    return b"".join(
        b"\x8f" + bytes(byte | 0x80 for byte in pair) if len(pair) == 2 else b"\xff"
        for pair in pairs
    ).decode("euc_jp", "replace")
