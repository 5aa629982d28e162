"""Modules that processes do not load, because their memory is not worth it."""

import subprocess
import sys

import pytest

from app.absent_modules import pretending_absent

HEAVY = {
    "aiohttp",
    "cryptography",
    "dns",
    "fastapi",
    "rich",
    "pygments",
    "typer",
    "jinja2",
    "babel",
}


@pytest.mark.parametrize(
    ("role", "loads"), [("receiver", ()), ("worker", ("cryptography", "sqlalchemy"))]
)
def test_a_role_loads_only_what_it_uses(role: str, loads: tuple[str, ...]) -> None:
    watched = sorted(HEAVY | {"sqlalchemy"})
    program = (
        f"import sys, app.main.process.start, app.main.roles.{role}\n"
        f"print(*[name for name in {watched} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert tuple(ran.stdout.decode().split()) == loads


def test_an_import_fails_inside_and_works_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with pretending_absent("colorsys"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert sys.modules["colorsys"] is colorsys


def test_a_loaded_module_stays() -> None:
    import json

    with pretending_absent("json"):
        import json as again
    assert again is json is sys.modules["json"]
