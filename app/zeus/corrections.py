"""Corrections: values that an operator puts in place of those of a call."""

from collections.abc import Mapping
from dataclasses import replace

from app.zeus.canonical import canonical, spelling_flags
from app.zeus.parameters import oversize
from app.zeus.wire import Call


def corrected(call: Call, corrections: Mapping[str, str]) -> Call:
    """Return the call with corrected values, by parameter. An empty value removes the parameter.

    Flags and problems of the corrected parameters are those of the new values. The flag `corrected`
    tells that somebody put them there.
    """
    values = {**call.values, **corrections}
    values = {name: text for name, text in values.items() if text or name not in corrections}
    meant = {**call.meant, **{name: canonical(name, text) for name, text in corrections.items()}}
    meant = {name: text for name, text in meant.items() if name in values}
    new = {name: values[name] for name in corrections if name in values}
    flags = {flag for flag in call.flags if flag.partition(":")[2] not in corrections}
    flags |= {f"oversize:{name}" for name in oversize(new)} | spelling_flags(new, meant)
    problems = [one for one in call.problems if one.partition(":")[2] not in corrections]
    return replace(
        call,
        values=values,
        meant=meant,
        flags=tuple(sorted({*flags, "corrected"})),
        problems=tuple(problems),
    )
