"""Jinja environment of the console: templates, filters and URLs of static files."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from app.clock import now
from app.console.texts import i18n
from app.console.texts.i18n import Language
from app.console.texts.labels import label_of, tone_of

FILES = "/static/"
STATIC = Path(__file__).parents[1] / "static"
_CODE = re.compile("`([^`]+)`")
_TEMPLATES = Path(__file__).parents[1] / "templates"


def render(template: str, language: Language, **values: Any) -> str:
    """Render a template in a language."""
    return _environment(language).get_template(template).render(**values)


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    texts = i18n.translations(language)
    environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]  # added by the extension
    environment.globals |= {"file": file_url, "language": language, "languages": list(Language)}
    environment.tests["past"] = _is_past
    environment.filters |= _filters(language, texts.gettext)
    return environment


def _filters(language: Language, gettext: Callable[[str], str]) -> dict[str, Callable[..., Any]]:
    by_language = {
        name: partial(_in_language, getattr(i18n, name), language)
        for name in ("in_words", "span", "yen", "number", "day", "short_day", "compact")
    }
    return by_language | {
        "moment": partial(_moment, language),
        "clock": partial(_clock, language),
        "parsed": datetime.fromisoformat,
        "ago": partial(_ago, language),
        "label": partial(_label, gettext),
        "translated": gettext,
        "tone": tone_of,
        "with_code": _with_code,
        "details": _details,
    }


def _in_language(show: Callable[[Any, Language], str], language: Language, value: Any) -> str:
    return show(value, language)


def _moment(language: Language, when: datetime) -> Markup:
    """Return a time in Japan for a column, in full as its tooltip and in UTC for machines."""
    utc = when.astimezone(UTC).isoformat()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc, i18n.in_words(when, language), i18n.moment(when)
    )


def _clock(language: Language, when: datetime) -> Markup:
    """Return the time of day in Japan, with the full time as its tooltip."""
    utc = when.astimezone(UTC).isoformat()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc, i18n.in_words(when, language), i18n.moment(when).partition(" ")[2]
    )


def _ago(language: Language, when: datetime) -> Markup:
    """Return the distance of a time from now, with the full time as its tooltip."""
    utc = when.astimezone(UTC).isoformat()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc, i18n.in_words(when, language), i18n.ago(when, language)
    )


def _label(gettext: Callable[[str], str], code: str, kind: str) -> str:
    words, about = label_of(kind, code)
    if not words:  # gettext("") is the catalogue's header
        return ""
    return f"{gettext(words)} ({about})" if about else gettext(words)


def _with_code(text: str) -> Markup:
    """Return a text as HTML, with its backticks as code elements."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def _details(details: Mapping[str, Any]) -> str:
    """Return an audit entry's details on one line, without null values."""
    shown = {
        name: f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
        for name, value in details.items()
    }
    return " · ".join(
        f"{name}: {value.strip(chr(34))}" for name, value in shown.items() if value != "null"
    )


def _is_past(when: datetime) -> bool:
    return when <= now()


@cache
def file_url(name: str) -> str:
    """Return the URL of a static file. It contains a hash of the content, so it is cacheable."""
    version = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{FILES}{name}?v={version}"
