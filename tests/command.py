"""A command of the service, run in this process, whose logs are as before afterwards."""

import asyncio
import logging
from collections.abc import Mapping

import structlog
from typer.testing import CliRunner, Result

from app.cli import commands


async def run_command(*arguments: str, settings: Mapping[str, str]) -> Result:
    """Run a command under these settings, named without the prefix, and return what came of it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    environment = {f"RELAY_{name}": value for name, value in settings.items()}
    try:
        return await asyncio.to_thread(
            CliRunner().invoke, commands(), list(arguments), env=environment
        )
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
