"""Keys of references: kept by each process, also when the database comes back later."""

from pathlib import Path

import pytest

from app.crypto.reference import derived_key, fingerprint
from app.db.migrations import migrate
from tests.journeys.crew import fetch, until
from tests.processes import KEY, processes, service_settings
from tests.recording.own_server import own_server


@pytest.mark.parametrize("role", ["work", "operate"])
async def test_keys_are_kept_when_the_database_comes_back(tmp_path: Path, role: str) -> None:
    with own_server(tmp_path / "server") as server, processes(tmp_path / "processes") as starter:
        await migrate(server.url)
        server.stop()
        settings = service_settings(server.url) | {"SPOOL_DIR": str(tmp_path / "spool")}
        process = starter.start(role, **settings)
        await process.logged("reference_keys_not_kept")
        server.start()

        async def is_kept() -> bool:
            rows = await fetch(server.url, "SELECT fingerprint FROM reference_keys")
            return [fingerprint(derived_key(KEY))] == [row["fingerprint"] for row in rows]

        await until(is_kept, 30)
