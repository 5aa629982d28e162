"""Connections by URLs of hosting services: TLS with a private authority and server settings."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from app.db.connections import CONNECT_ERRORS, connect, describe_error, is_pooled
from app.db.engine import make_engine
from app.db.migrations import current_revision, head, migrate
from tests.forwarding.certificates import Authority
from tests.processes import PROGRAM, environment, service_settings
from tests.system_postgres import INSTALLED, SystemPostgres, system_postgres

PASSWORD = "p@ss/w#rd あ100%"


async def _ask(url: str, question: str) -> str:
    connection = await connect(url)
    try:
        return str(await connection.fetchval(question))
    finally:
        await connection.close()


async def _is_encrypted(url: str) -> bool:
    return await _ask(url, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "True"


def _and(url: str, parameters: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{parameters}"


async def test_ignored_parameters_do_not_reach_the_server(database_url: str) -> None:
    url = _and(
        database_url,
        "keepalives=1&client_encoding=SJIS&DateStyle=German&timezone=Asia%2FTokyo"
        "&gssencmode=disable&pool_timeout=0",
    )
    assert "UTF8 ISO, MDY UTC" == await _ask(
        url,
        "SELECT concat_ws(' ', current_setting('client_encoding'), "
        "current_setting('DateStyle'), current_setting('TimeZone'))",
    )


@pytest.mark.parametrize(
    "parameters", ["schema=shop", "options=-csearch_path%3Dshop", "options=-c%20search_path%3Dshop"]
)
async def test_a_schema_and_options_reach_the_server(database_url: str, parameters: str) -> None:
    assert "shop" == await _ask(
        _and(database_url, parameters), "SELECT current_setting('search_path')"
    )


async def test_our_own_limits_override_the_url(database_url: str) -> None:
    url = _and(database_url, "options=-c%20statement_timeout%3D100")
    assert "30s" == await _ask(url, "SELECT current_setting('statement_timeout')")


async def test_the_application_name_is_added_to_ours(database_url: str) -> None:
    assert "zeus-relay (shop)" == await _ask(
        _and(database_url, "application_name=shop"), "SELECT current_setting('application_name')"
    )


async def test_a_pooler_named_in_the_url_is_trusted(database_url: str) -> None:
    url = _and(database_url, "pgbouncer=true")
    assert "1" == await _ask(url, "SELECT 1")
    assert is_pooled(url)
    assert not is_pooled(database_url)


async def test_engine_and_migrations_read_the_same_url(empty_database_url: str) -> None:
    url = _and(empty_database_url, "connect_timeout=10&keepalives=1&application_name=shop").replace(
        "postgresql:", "postgres+asyncpg:"
    )
    assert head() == await migrate(url) == await current_revision(url)
    engine = make_engine(url)
    async with engine.connect() as connection:
        assert "zeus-relay (shop)" == await connection.scalar(
            text("SELECT current_setting('application_name')")
        )
    await engine.dispose()


async def test_connect_timeout_applies() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        url = f"postgresql://u:hush-hush@{address}/d?connect_timeout=1&sslmode=disable"
        with pytest.raises(TimeoutError) as late:
            await connect(url)
    assert "hush-hush" not in describe_error(late.value)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Return the authority that signs the server's certificate."""
    return Authority("databases")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SystemPostgres]:
    """Yield a server with TLS for localhost that requires a password over the network."""
    pem = authority.issue("localhost")
    rules = "host all postgres 127.0.0.1/32 trust\nhost all shop 127.0.0.1/32 scram-sha-256\n"
    if not INSTALLED:
        pytest.skip("needs Debian's package postgresql")
    with system_postgres(
        tmp_path_factory.mktemp("tls"), "ssl=on", server_crt=pem, server_key=pem, pg_hba_conf=rules
    ) as server:
        yield server


@pytest.fixture
async def shop(server: SystemPostgres, tmp_path: Path, authority: Authority) -> str:
    """Return the URL of a user whose password has special characters."""
    (tmp_path / "ca.pem").write_text(authority.pem)
    (tmp_path / "unknown.pem").write_text(Authority("unknown").pem)
    connection = await connect(server.url)
    await connection.execute("DROP ROLE IF EXISTS shop")
    await connection.execute(f"CREATE ROLE shop LOGIN PASSWORD '{PASSWORD}'")
    await connection.close()
    return f"postgresql://shop:{quote(PASSWORD, safe='')}@localhost:{server.port}/postgres"


@pytest.mark.parametrize(
    ("parameters", "encrypted"),
    [
        ("sslmode=disable", False),
        ("sslmode=prefer", True),
        ("", True),
        ("sslmode=require", True),
        ("sslmode=no-verify", True),
        ("ssl=true", True),
        ("sslmode=verify-ca&sslrootcert={ca}", True),
        ("sslmode=verify-full&sslrootcert={ca}", True),
        ("sslmode=verify-full&sslrootcert={ca}&channel_binding=require", True),
        ("sslmode=require&sslrootcert={ca}", True),
    ],
)
async def test_tls_follows_the_url(
    shop: str, tmp_path: Path, parameters: str, encrypted: bool
) -> None:
    assert encrypted is await _is_encrypted(
        _and(shop, parameters.format(ca=quote(str(tmp_path / "ca.pem"))))
    )


@pytest.mark.parametrize(
    "parameters",
    [
        "sslmode=verify-full&sslrootcert={unknown}",
        "sslmode=require&sslrootcert={unknown}",
        "sslmode=verify-full",
        "sslmode=verify-ca",
        "sslrootcert=system",
    ],
)
async def test_a_certificate_of_an_unknown_authority_is_rejected(
    shop: str, tmp_path: Path, parameters: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as rejected:
        await connect(_and(shop, parameters.format(unknown=quote(str(tmp_path / "unknown.pem")))))
    assert PASSWORD not in describe_error(rejected.value)


async def test_only_verify_full_checks_the_host_name(shop: str, tmp_path: Path) -> None:
    by_address = (
        shop.replace("@localhost:", "@127.0.0.1:")
        + f"?sslrootcert={quote(str(tmp_path / 'ca.pem'))}"
    )
    assert await _is_encrypted(f"{by_address}&sslmode=verify-ca")
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(f"{by_address}&sslmode=verify-full")


async def test_the_systems_authorities_are_trusted(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert await _is_encrypted(_and(shop, "sslmode=verify-full"))
    assert await _is_encrypted(_and(shop, "sslrootcert=system"))


async def test_a_wrong_password_is_reported_without_passwords(
    shop: str, server: SystemPostgres
) -> None:
    with pytest.raises(CONNECT_ERRORS) as rejected:
        await connect(f"postgresql://shop:hush-hush@localhost:{server.port}/postgres")
    assert (
        'InvalidPasswordError (28P01): password authentication failed for user "shop"'
        == describe_error(rejected.value)
    )


async def test_the_second_host_is_used_when_the_first_is_down(
    shop: str, server: SystemPostgres
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        port = nobody.getsockname()[1]
    url = shop.replace(f"@localhost:{server.port}", f"@localhost:{port},localhost:{server.port}")
    assert "1" == await _ask(url, "SELECT 1")


@pytest.mark.parametrize("command", ["migrate", "doctor"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:hush-hush@localhost:{port}/postgres",
        "postgresql://shop:hush-hush@localhost:{port}/postgres?sslmode=verify-full",
        "postgresql://shop:hush-hush@localhost:{port}/postgres?sslmode=require&channel_binding=require",
        "postgresql://shop:hush-hush/x@localhost:{port}/postgres",
        "postgresql://postgres:hush-hush@127.0.0.1:{port}/no-such",
        "postgresql://postgres:hush-hush@127.0.0.1:{port}/postgres?options=-c%20nonsense%3D1",
    ],
)
async def test_no_command_shows_password_or_traceback(
    shop: str, server: SystemPostgres, command: str, url: str, tmp_path: Path
) -> None:
    assert shop
    done = await asyncio.to_thread(
        lambda: subprocess.run(
            [PROGRAM, command],
            cwd=tmp_path,
            env=environment(**service_settings(url.format(port=server.port))),
            capture_output=True,
            text=True,
            timeout=60,
        )
    )
    output = done.stdout + done.stderr
    assert done.returncode in (1, 2), output
    assert output
    assert "Traceback" not in output
    assert "hush-hush" not in output
