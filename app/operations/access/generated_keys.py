"""Generated secret keys and admin token of a site with the embedded Postgres.

They are generated once and kept in the data directory, so that nobody has to configure them.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet

from app.configured_files import read_configured_text
from app.crypto.vault import NoKeys, Vault
from app.settings import Settings, WrongSettings, variable_of

KEYS_FILE = "secret-keys"
TOKEN_FILE = "admin-token"  # noqa: S105 - the name of a file
_SHORTEST_TOKEN = 20


def new_key() -> str:
    """Return a new Fernet key for RELAY_SECRET_KEYS."""
    return Fernet.generate_key().decode()


def vault_of(settings: Settings) -> Vault:
    """Return the vault of RELAY_SECRET_KEYS, or of the kept keys.

    Raise WrongSettings if there are no keys, or if the file holds something else.
    """
    try:
        return Vault(secret_keys_of(settings))
    except (NoKeys, ValueError):
        raise WrongSettings(
            f"{settings.data_dir / KEYS_FILE}: must hold Fernet keys, one per line"
        ) from None


def secret_keys_of(settings: Settings) -> list[str]:
    """Return RELAY_SECRET_KEYS, or the kept keys. Raise WrongSettings if there are none."""
    if settings.secret_keys:
        return [key.get_secret_value() for key in settings.secret_keys]
    _demand_embedded(
        settings, "secret_keys", "create one with `zeus-relay keygen` and give it to every process"
    )
    return _kept(settings.data_dir / KEYS_FILE, new_key).split()


def admin_token_of(settings: Settings) -> str:
    """Return RELAY_ADMIN_TOKEN, or the kept token. Raise WrongSettings if there is none."""
    if settings.admin_token is not None:
        return settings.admin_token.get_secret_value()
    _demand_embedded(settings, "admin_token", "choose at least 20 characters that nobody can guess")
    token = _kept(settings.data_dir / TOKEN_FILE, lambda: secrets.token_urlsafe(32))
    if len(token) < _SHORTEST_TOKEN:
        raise WrongSettings(
            f"{settings.data_dir / TOKEN_FILE}: must hold a token "
            f"of at least {_SHORTEST_TOKEN} characters"
        )
    return token


def _demand_embedded(settings: Settings, field: str, advice: str) -> None:
    """Raise WrongSettings unless the embedded Postgres is in use.

    Processes that share another database need the same keys, but each has its own data directory.
    """
    if settings.embedded:
        return
    variable = variable_of(field)
    example = (Settings.model_fields[field].examples or [""])[0]
    raise WrongSettings(
        f"{variable}: is needed beside {variable_of('database_url')}; {advice}. "
        f"Example: {variable}={example}"
    )


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Return the text of the file. If it is missing, write it first with `make`.

    Processes that start at the same time all get the same text.
    """
    try:
        return read_configured_text(path).strip()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise WrongSettings(f"{path}: cannot be read: {error.strerror}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            # Unlike a rename, a link never replaces the file that another process made first.
            os.link(draft, path)
    finally:
        draft.unlink()
    return read_configured_text(path).strip()
