"""Applying through PgBouncer, which gives each statement another server connection."""

import asyncio
from pathlib import Path

import pytest

from app.applications.states import ApplicationState
from app.db.connections import is_pooled
from app.db.engine import make_engine, make_sessions
from app.db.migrations import migrate
from tests.applications.application_setup import apply, applying, checked, ok_answer, stored
from tests.recording.own_server import PGBOUNCER, own_server, pgbouncer
from tests.simulator.simulator_server import listening, saying


@pytest.mark.slow
@pytest.mark.skipif(not PGBOUNCER.exists(), reason="PgBouncer is not installed")
async def test_applications_are_recorded_and_answered_through_a_pooler(tmp_path: Path) -> None:
    with own_server(tmp_path) as server, pgbouncer(tmp_path / "pool", server.port) as port:
        await migrate(server.url)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        engine = make_engine(url)
        sessions = make_sessions(engine)
        async with listening(saying(ok_answer())) as zeus, applying(sessions, zeus.url()) as shop:
            rows = await asyncio.gather(
                *(apply(shop, f"key-{n}", checked(sendid=f"S-{n}")) for n in range(40))
            )
        assert is_pooled(url)
        for row in rows:
            assert ApplicationState.ACCEPTED == (await stored(sessions, row)).state
        await engine.dispose()
