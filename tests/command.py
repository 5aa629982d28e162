"""Runner of a command of the service in this process; it restores the logging setup."""

import asyncio
import logging
from collections.abc import Mapping

import structlog
from typer.testing import CliRunner, Result

from app.cli import command_line


async def run_command(*arguments: str, settings: Mapping[str, str]) -> Result:
    """Run a command with `settings`, named without the prefix, and return its result."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    environment = {f"RELAY_{name}": value for name, value in settings.items()}
    try:
        return await asyncio.to_thread(
            CliRunner().invoke, command_line(), list(arguments), env=environment
        )
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
