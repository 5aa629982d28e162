"""Corrections of a quarantined call: the fields of its form, and the values that were changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.console.http.forms import Form
from app.operations.notices.notices import NoticeInFull
from app.zeus.parameters import PARAMETERS

_PREFIX = "value-"


@dataclass(frozen=True, slots=True)
class CorrectionField:
    """A field of the form: a parameter, its value, and True if it must be corrected."""

    name: str
    japanese: str
    value: str
    faulty: bool

    @property
    def field(self) -> str:
        """Return the name of the field."""
        return _PREFIX + self.name


def fields_to_correct(
    notice: NoticeInFull, typed: Form | None, *, personal: bool
) -> Sequence[CorrectionField]:
    """Return the fields, with the call's values or with what was typed.

    Personal values are fields only where they are shown: a form must not send masks back.
    """
    faults = " ".join(notice.to_correct)
    return [
        CorrectionField(
            one.name,
            one.japanese,
            typed.text(_PREFIX + one.name) if typed else notice.parameters.get(one.name, ""),
            one.name in faults,
        )
        for one in PARAMETERS
        if personal or not one.personal
    ]


def corrections_in(form: Form, values: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the form that differ from the call's `values`."""
    typed = {
        one.name: form.text(_PREFIX + one.name)
        for one in PARAMETERS
        if form.ticked(_PREFIX + one.name)
    }
    return {
        name: text for name, text in typed.items() if text != _as_submitted(values.get(name, ""))
    }


def _as_submitted(value: str) -> str:
    """Return a value as a browser sends it back from a line of text."""
    return value.replace("\r", "").replace("\n", "").strip()
