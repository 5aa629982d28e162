"""Tables of the simulator's page: settings, magic values and API, in both languages."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import typer
from pydantic import BaseModel
from typer.main import get_command

from app.simulator.server.api import router
from app.simulator.server.magic import MAGIC, Magic
from app.simulator.server.setting_texts import SETTINGS
from app.simulator.server_command import simulator
from app.simulator.state.settings import SimulatorSettings
from tools.docs.japanese_simulator import MAGIC_VALUES, OPERATIONS, OPTIONS
from tools.docs.tables import head, row


def magic_values() -> str:
    """Return the table of magic values, which the API lists too."""
    return head("e-mail", "telephone number", "effect") + _magic_rows({})


def magic_values_in_japanese() -> str:
    """Return the table of magic values in Japanese."""
    return head("メールアドレス", "電話番号", "起きること") + _magic_rows(MAGIC_VALUES)


def _magic_rows(japanese: Mapping[str, str]) -> str:
    return "".join(_magic_row(magic, japanese.get(magic.about, magic.about)) for magic in MAGIC)


def _magic_row(magic: Magic, about: str) -> str:
    return row(f"`anyone+{magic.word}@example.com`", f"`…{magic.digits}`", about)


def _rows(entries: Iterable[tuple[str, str, str]], japanese: Mapping[str, str]) -> str:
    """Return a row for each entry: two codes, and a meaning that `japanese` may translate."""
    return "".join(
        row(f"`{first}`", f"`{second}`", japanese.get(about, about))
        for first, second, about in entries
    )


def simulator_variables() -> str:
    """Every variable of the simulator's command."""
    return head("variable", "option", "meaning") + _rows(variables_of_simulator(), {})


def simulator_variables_in_japanese() -> str:
    """The same in Japanese."""
    return head("変数", "オプション", "意味") + _rows(variables_of_simulator(), OPTIONS)


def variables_of_simulator() -> list[tuple[str, str, str]]:
    """Return variable, option and meaning of each option of the simulator's command."""
    program = typer.Typer()
    program.command()(simulator)
    options: list[Any] = list(get_command(program).params)
    return [(one.envvar, one.opts[0], one.help) for one in options if getattr(one, "envvar", None)]


def simulator_settings() -> str:
    """Return the table of the simulator's settings."""
    return head("setting", "default", "meaning") + _rows(settings_of(SimulatorSettings), {})


def simulator_settings_in_japanese() -> str:
    """Return the table of settings in Japanese."""
    return head("設定", "既定", "意味") + _rows(settings_of(SimulatorSettings), SETTINGS)


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield name, default as JSON, and meaning of each setting; a group's are named with dots."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, f"{prefix}{name}.")
        else:
            default = json.dumps(field.default, ensure_ascii=False)
            yield f"{prefix}{name}", default, field.description or ""


def simulator_api() -> str:
    """Return the table of the simulator's API."""
    return head("method", "path", "purpose") + _rows(operations_of_simulator(), {})


def simulator_api_in_japanese() -> str:
    """Return the table of operations in Japanese."""
    return head("メソッド", "パス", "内容") + _rows(operations_of_simulator(), OPERATIONS)


def operations_of_simulator() -> list[tuple[str, str, str]]:
    """Return method, path and meaning of each operation of the simulator's API."""
    routes: list[Any] = list(router.routes)
    return [
        (method, route.path, route.endpoint.__doc__.partition("\n")[0])
        for route in routes
        for method in sorted(route.methods)
    ]
