"""`python -m app.simulator`: Zeus as a server, without the rest of zeus-relay."""

import typer

from app.simulator.server_command import simulator

typer.run(simulator)
