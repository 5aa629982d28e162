"""The field Authentication-Results (RFC 8601): what a mail server found."""

import re
from dataclasses import dataclass

_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s;="()]+)|([;=])|\s+', re.DOTALL)
_LIMIT = 8 * 1024


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One method, its result, and its properties such as `header.d`, all in small letters."""

    method: str
    result: str
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """The server that looked, and what it found."""

    authserv_id: str
    results: tuple[MethodResult, ...]


def read_results(value: bytes) -> AuthenticationResults | None:
    """Return the content of the field, or None if it is not beyond doubt."""
    if len(value) > _LIMIT:
        return None
    statements = _statements(value.decode("latin-1"))
    if not statements or not statements[0] or "=" in statements[0][:2]:
        return None
    results = map(_result, statements[1:])
    return AuthenticationResults(statements[0][0], tuple(filter(None, results)))


def _statements(text: str) -> list[list[str]] | None:
    """Return the words between semicolons, `=` as a word of its own; None if malformed."""
    plain = _without_comments(text)
    if plain is None:
        return None
    statements: list[list[str]] = [[]]
    at = 0
    while at < len(plain):
        found = _PIECE.match(plain, at)
        if found is None:
            return None
        at = found.end()
        if found[3] == ";":
            statements.append([])
        elif found[3]:
            statements[-1].append("=")
        elif found[2] or found[1] is not None:
            quoted = found[1] is not None
            word = re.sub(r"\\(.)", r"\1", found[1]) if quoted else found[2]
            statements[-1].append(f'"{word}' if quoted and word == "=" else word.lower())
    return statements


def _result(words: list[str]) -> MethodResult | None:
    """Return `method=result name=value …`, or None for anything else."""
    if not words or len(words) % 3 or any(sign != "=" for sign in words[1::3]):
        return None
    pairs = list(zip(words[::3], words[2::3], strict=True))
    (method, result), properties = pairs[0], pairs[1:]
    return MethodResult(method.partition("/")[0], result, dict(reversed(properties)))


def _without_comments(text: str) -> str | None:
    """Return `text` with a blank for each comment outside quotes; None if one is open."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for sign in text:
        if escaped:
            escaped = False
        elif sign == "\\" and (quoted or depth):
            escaped = True
        elif sign == '"' and not depth:
            quoted = not quoted
        elif sign in "()" and not quoted:
            depth += 1 if sign == "(" else -1
            if depth < 0:
                return None
            kept.append(" ")
            continue
        if not depth:
            kept.append(sign)
    return None if depth or quoted else "".join(kept)
