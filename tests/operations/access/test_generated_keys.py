"""Generated keys and admin token: kept with the embedded Postgres, required settings otherwise."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.operations.access.generated_keys import (
    KEYS_FILE,
    TOKEN_FILE,
    admin_token_of,
    new_key,
    vault_of,
)
from app.settings import Settings, WrongSettings


def _settings(tmp_path: Path, **values: Any) -> Settings:
    return Settings(data_dir=tmp_path / "data", **values)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    return _settings(tmp_path, database_url=SecretStr("postgresql://relay@db.example/relay"))


def test_generated_keys_and_token_are_kept(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    sealed = vault_of(settings).seal("secret")
    assert "secret" == vault_of(settings).open(sealed)
    token = admin_token_of(settings)
    assert len(token) >= 40
    assert token == admin_token_of(settings)


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    vault_of(settings)
    admin_token_of(settings)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.data_dir.iterdir()}
    assert {KEYS_FILE: 0o600, TOKEN_FILE: 0o600} == modes


def test_concurrent_starts_get_the_same_token(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with ThreadPoolExecutor(16) as threads:
        tokens = set(threads.map(lambda _: admin_token_of(settings), range(64)))
    assert 1 == len(tokens)
    assert [TOKEN_FILE] == [path.name for path in settings.data_dir.iterdir()]


def test_a_key_added_before_the_kept_one_seals_new_values(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    sealed = vault_of(settings).seal("secret")
    file = settings.data_dir / KEYS_FILE
    file.write_text(f"{new_key()}\n{file.read_text()}")
    assert "secret" == vault_of(settings).open(sealed)


@pytest.mark.parametrize("content", ["", "not a key\n"])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: str) -> None:
    settings = _settings(tmp_path)
    settings.data_dir.mkdir()
    (settings.data_dir / KEYS_FILE).write_text(content)
    with pytest.raises(WrongSettings, match=KEYS_FILE):
        vault_of(settings)


@pytest.mark.parametrize("content", ["", "short\n"])
def test_a_damaged_token_file_is_named(tmp_path: Path, content: str) -> None:
    settings = _settings(tmp_path)
    settings.data_dir.mkdir()
    (settings.data_dir / TOKEN_FILE).write_text(content)
    with pytest.raises(WrongSettings, match=TOKEN_FILE):
        admin_token_of(settings)


def test_configured_keys_and_token_are_used(elsewhere: Settings) -> None:
    key = new_key()
    configured = elsewhere.model_copy(
        update={"secret_keys": [SecretStr(key)], "admin_token": SecretStr("t" * 20)}
    )
    assert "secret" == vault_of(configured).open(vault_of(configured).seal("secret"))
    assert "t" * 20 == admin_token_of(configured)
    assert not configured.data_dir.exists()


def test_a_shared_database_requires_configured_keys_and_token(elsewhere: Settings) -> None:
    with pytest.raises(WrongSettings, match=r"RELAY_SECRET_KEYS: .*Example: RELAY_SECRET_KEYS=\S+"):
        vault_of(elsewhere)
    with pytest.raises(WrongSettings, match=r"RELAY_ADMIN_TOKEN: .*Example: RELAY_ADMIN_TOKEN=\S+"):
        admin_token_of(elsewhere)
    assert not elsewhere.data_dir.exists()
