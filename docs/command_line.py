"""The reference of the command line, made from the commands themselves."""

from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from app.main.commands import application
from docs.tables import head, row

NAME = "zeus-relay"


def command_line() -> str:
    """Every command with its arguments and options, the hidden ones left out."""
    found = sorted(_commands(typer.main.get_command(application()), NAME))
    overview = head("command", "what it does") + "".join(row(f"[`{path}`](#{_anchor(path)})", _first(command)) for path, command in found)
    return overview + "".join(_section(path, command) for path, command in found)


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        if not one.hidden:
            yield from _commands(one, f"{path} {name}")


def _anchor(path: str) -> str:
    return path.replace(" ", "-")


def _first(command: Any) -> str:
    return (command.help or "").partition("\n")[0]


def _section(path: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([path, *map(_placeholder, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [row(f"`{_placeholder(one).strip('[]')}`", one.help or "") for one in arguments]
    rows += [row(_names(one), _help(one)) for one in options]
    table = f"\n{head('', '')}{''.join(rows)}" if rows else ""
    return f"\n### {path}\n\n```text\n{usage}\n```\n\n{command.help}\n{table}"


def _placeholder(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _names(option: Any) -> str:
    return ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])


def _help(option: Any) -> str:
    kind = option.type_descriptor.annotation
    choices = " One of " + ", ".join(f"`{choice.value}`" for choice in kind) + "." if _is_choice(kind) else ""
    default = option.default.value if isinstance(option.default, Enum) else option.default
    shown = not option.is_flag and default is not None and option.show_default is True
    return f"{option.help or ''}{choices}{f' (default: {default})' if shown else ''}{' Required.' if option.required else ''}"


def _is_choice(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)
