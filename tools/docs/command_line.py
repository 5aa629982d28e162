"""Reference of the command line, generated from the commands."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typer

from app.main.commands import application
from tools.docs.japanese_commands import HELP
from tools.docs.japanese_options import PARAMETERS
from tools.docs.tables import head, row

NAME = "zeus-relay"


@dataclass(frozen=True, slots=True)
class Wording:
    """Headings and translated help texts of the reference in one language.

    A text without a translation stays in English.
    """

    overview: tuple[str, str]
    commands: Mapping[str, str]
    parameters: Mapping[str, str]
    details: Callable[[list[str], str | None, bool], str]
    """Returns the text after an option's help: choices, default, and `Required`."""


def commands() -> list[tuple[str, Any]]:
    """Return every command that is not hidden, with its full name, sorted."""
    return sorted(_commands(typer.main.get_command(application()), NAME))


def command_line() -> str:
    """Return the page's reference: every command with its arguments and options."""
    return _reference(Wording(("command", "purpose"), {}, {}, _details))


def command_line_in_japanese() -> str:
    """Return the reference in Japanese; a text without a translation stays in English."""
    return _reference(Wording(("コマンド", "役割"), HELP, PARAMETERS, _details_in_japanese))


def _reference(wording: Wording) -> str:
    overview = [
        row(f"[`{path}`](#{path.replace(' ', '-')})", _text(command, wording).partition("\n")[0])
        for path, command in commands()
    ]
    return (
        head(*wording.overview)
        + "".join(overview)
        + "".join(_section(path, command, wording) for path, command in commands())
    )


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        if not one.hidden:
            yield from _commands(one, f"{path} {name}")


def _text(command: Any, wording: Wording) -> str:
    return wording.commands.get(command.help, command.help or "")


def _section(path: str, command: Any, wording: Wording) -> str:
    arguments = [
        parameter for parameter in command.params if parameter.param_type_name == "argument"
    ]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([path, *map(_placeholder, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [
        row(f"`{_placeholder(one).strip('[]')}`", wording.parameters.get(one.help, one.help or ""))
        for one in arguments
    ]
    rows += [row(_names(one), _help(one, wording)) for one in options]
    table = f"\n{head('', '')}{''.join(rows)}" if rows else ""
    return f"\n### {path}\n\n```text\n{usage}\n```\n\n{_text(command, wording)}\n{table}"


def _placeholder(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:
    return ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])


def _help(option: Any, wording: Wording) -> str:
    kind = option.type_descriptor.annotation
    choices = [choice.value for choice in kind] if _is_choice(kind) else []
    default = option.default.value if isinstance(option.default, Enum) else option.default
    shown = not option.is_flag and default is not None and option.show_default is True
    return wording.parameters.get(option.help, option.help or "") + wording.details(
        choices, str(default) if shown else None, option.required
    )


def _details(choices: list[str], default: str | None, required: bool) -> str:
    one_of = " One of " + ", ".join(f"`{choice}`" for choice in choices) + "." if choices else ""
    shown = f" (default: {default})" if default is not None else ""
    return f"{one_of}{shown}{' Required.' if required else ''}"


def _details_in_japanese(choices: list[str], default: str | None, required: bool) -> str:
    one_of = "。次のいずれか：" + "、".join(f"`{choice}`" for choice in choices) if choices else ""
    shown = f"（既定：{default}）" if default is not None else ""
    return f"{one_of}{shown}{'（必須）' if required else ''}"


def _is_choice(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)
