"""References: form, MAC, rotation of keys, and every altered character."""

import string
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from app.clock import uuid7
from app.crypto.reference import ReferenceKeys, derived_key, fingerprint, id_in, is_reference
from app.zeus.application import FIELDS

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
IP_CODE = "2012000001"


def test_names_its_application_and_fits_into_sendpoint() -> None:
    application_id = uuid7()
    reference = ReferenceKeys.derived_from([NEW]).make(application_id, IP_CODE)
    assert len(reference) == 46
    assert FIELDS["sendpoint"].holds(reference)
    assert is_reference(reference)
    assert id_in(reference) == application_id


def test_is_accepted_across_a_rotation() -> None:
    reference = ReferenceKeys.derived_from([OLD]).make(uuid7(), IP_CODE)
    assert ReferenceKeys.derived_from([NEW, OLD]).signed(reference, IP_CODE)
    assert not ReferenceKeys.derived_from([NEW]).signed(reference, IP_CODE)


def test_belongs_to_one_ip_code() -> None:
    keys = ReferenceKeys.derived_from([NEW])
    assert not keys.signed(keys.make(uuid7(), IP_CODE), "2012000002")


def test_tells_every_altered_character() -> None:
    keys = ReferenceKeys.derived_from([NEW])
    reference = keys.make(uuid7(), IP_CODE)
    for place in range(len(reference)):
        for other in string.ascii_letters + string.digits + "-_":
            altered = reference[:place] + other + reference[place + 1 :]
            assert keys.signed(altered, IP_CODE) is (altered == reference)


@pytest.mark.parametrize("text", ["", "A-1001", "z1", "z2" + "A" * 44, "z1" + "A" * 45, "z1+" * 15])
def test_leaves_other_values_alone(text: str) -> None:
    assert not is_reference(text)
    assert id_in(text) is None
    assert not ReferenceKeys.derived_from([NEW]).signed(text, IP_CODE)


def test_needs_a_key() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        ReferenceKeys([])


def test_tells_keys_apart_without_showing_them() -> None:
    old, new = derived_key(OLD), derived_key(NEW)
    assert fingerprint(old) != fingerprint(new)
    assert fingerprint(old) not in old


def test_has_one_spelling() -> None:
    """The last character of 22 holds two bits more than the bytes: they must be zero."""
    keys = ReferenceKeys.derived_from([NEW])
    reference = keys.make(UUID(int=0), IP_CODE)
    assert reference[23] == "A"
    assert not keys.signed(reference[:23] + "B" + reference[24:], IP_CODE)
