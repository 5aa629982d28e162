"""Vault: encryption with the newest key, decryption with any, keys never shown."""

import pytest
from cryptography.fernet import Fernet

from app.crypto.vault import KeyMissing, NoKeys, Vault

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0IHNlY3JldCBvZiBpdA=="


def test_a_sealed_secret_opens_again_and_is_unreadable() -> None:
    sealed = Vault([OLD]).seal(SECRET)
    assert Vault([OLD]).open(sealed) == SECRET
    assert SECRET.encode() not in sealed


def test_every_key_decrypts() -> None:
    assert Vault([NEW, OLD]).open(Vault([OLD]).seal(SECRET)) == SECRET


def test_the_first_key_encrypts() -> None:
    assert Vault([NEW]).open(Vault([NEW, OLD]).seal(SECRET)) == SECRET


def test_a_missing_key_is_reported_with_its_setting() -> None:
    with pytest.raises(KeyMissing, match="RELAY_SECRET_KEYS"):
        Vault([NEW]).open(Vault([OLD]).seal(SECRET))


def test_a_changed_byte_is_rejected() -> None:
    sealed = bytearray(Vault([OLD]).seal(SECRET))
    sealed[20] ^= 1
    with pytest.raises(KeyMissing):
        Vault([OLD]).open(bytes(sealed))


def test_a_resealed_secret_needs_no_old_key() -> None:
    resealed = Vault([NEW, OLD]).reseal(Vault([OLD]).seal(SECRET))
    assert Vault([NEW]).open(resealed) == SECRET
    with pytest.raises(KeyMissing):
        Vault([OLD]).open(resealed)


def test_a_vault_needs_valid_keys() -> None:
    with pytest.raises(NoKeys):
        Vault([])
    with pytest.raises(ValueError):
        Vault(["too short"])


def test_a_vault_does_not_show_its_keys() -> None:
    assert OLD not in repr(vars(Vault([OLD]))) + repr(Vault([OLD]))
