"""The format is decided in docs/adr/0001-integer-ids-and-associated-data.md."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from connectors import encryption
from connectors.encryption import (
    DecryptionError,
    decrypt_credentials,
    encrypt_credentials,
)

SECRET = {"token": "canary-9f2c", "headers": {"X-Key": "canary-77aa"}}
CONTEXT = ("connectors.UserMCPConnection.auth_config", "7f3c", "12")
# Sealed once under a key of zeros: what was stored must stay readable.
STORED_V1 = "AQJrMY9GTJ4IEoU6YtvAeRJkect7CECL4L-EU3H-7-MIszWZk7mz5fnvr-QC_0xmrlQc1Fqz"


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)


def text(blob: bytes) -> str:
    return base64.urlsafe_b64encode(blob).decode()


def use_keys(settings: Settings, *kids: str) -> None:
    """Use the named keys; the first one encrypts."""
    settings.ENCRYPTION_KEYS = {kid: kid.encode().ljust(32, b"-") for kid in kids}


def test_encrypt_decrypt_roundtrip() -> None:
    assert decrypt_credentials(encrypt_credentials(SECRET)) == SECRET


def test_encrypted_not_readable() -> None:
    sealed = encrypt_credentials(SECRET)
    for word in (b"token", b"canary", b"headers", b"X-Key"):
        assert word not in raw(sealed)
        assert word.decode() not in sealed


def test_invalid_key_fails(settings: Settings) -> None:
    sealed = encrypt_credentials(SECRET)
    kid = encryption.primary_key_id()
    settings.ENCRYPTION_KEYS = {kid: os.urandom(32)}
    with pytest.raises(DecryptionError):
        decrypt_credentials(sealed)
    use_keys(settings, "another")
    with pytest.raises(DecryptionError):
        decrypt_credentials(sealed)


def test_encrypt_returns_non_empty_string() -> None:
    for data in (SECRET, {}):
        sealed = encrypt_credentials(data)
        assert isinstance(sealed, str)
        assert sealed


def test_encrypted_data_not_readable() -> None:
    with pytest.raises(UnicodeDecodeError):
        raw(encrypt_credentials({"token": "a" * 500})).decode()


def test_decrypt_returns_original() -> None:
    data = {"n": 1, "none": None, "list": [True, 1.5], "é\ud800": "\x00☃"}
    assert decrypt_credentials(encrypt_credentials(data)) == data


def test_different_inputs_produce_different_outputs() -> None:
    outputs = {encrypt_credentials({"token": str(n)}) for n in range(20)}
    outputs |= {encrypt_credentials(SECRET) for _ in range(20)}
    assert len(outputs) == 40


@pytest.mark.parametrize(
    "invalid",
    ["", "x", "not base64!", "====", "é", "\ud800", '{"token": "x"}', "AQ==", "AQL/"]
    + [text(blob) for blob in (b"\x01", b"\x01\x05k1", b"\x02\x02k1" + b"x" * 60)]
    + [text(b"\x01\x02k1" + b"x" * 43), text(b"\x01\x02\xff\xfe" + b"x" * 60)]
    + [text(b"\x01\x02k1" + b"x" * 60), text(b"\x01\x00" + b"x" * 60)],
)
def test_invalid_encrypted_data_raises_error(invalid: str) -> None:
    with pytest.raises(DecryptionError):
        decrypt_credentials(invalid)


@pytest.mark.parametrize("plaintext", [b"", b"not json", b"[1]", b'"x"', b"\xff"])
def test_what_is_no_object_inside_is_not_ours(plaintext: bytes) -> None:
    with pytest.raises(DecryptionError):
        decrypt_credentials(encryption.seal(plaintext, "credentials"))


@given(st.binary(max_size=200), st.lists(st.text(), max_size=3))
def test_any_bytes_come_back_under_their_own_context(
    plaintext: bytes, context: list[str]
) -> None:
    sealed = encryption.seal(plaintext, *context)
    assert encryption.unseal(sealed, *context) == plaintext


@pytest.mark.parametrize(
    "moved",
    [
        (CONTEXT[0], "7f3d", "12"),
        ("connectors.UserMCPConnection.other", *CONTEXT[1:]),
        (*CONTEXT[:2], "13"),
        CONTEXT[:2],
        (*CONTEXT, ""),
        (CONTEXT[0] + "7f3c", "", "12"),
        (CONTEXT[0], "7f3", "c12"),
        (),
    ],
)
def test_a_ciphertext_that_was_moved_is_refused(moved: tuple[str, ...]) -> None:
    sealed = encryption.seal(b"secret", *CONTEXT)
    with pytest.raises(DecryptionError):
        encryption.unseal(sealed, *moved)


def test_every_flipped_bit_is_noticed() -> None:
    blob = raw(encryption.seal(b"secret", *CONTEXT))
    for index in range(len(blob)):
        for bit in range(8):
            flipped = bytearray(blob)
            flipped[index] ^= 1 << bit
            with pytest.raises(DecryptionError):
                encryption.unseal(text(bytes(flipped)), *CONTEXT)


def test_every_truncation_is_noticed() -> None:
    sealed = encryption.seal(b"secret", *CONTEXT)
    for end in range(len(sealed)):
        with pytest.raises(DecryptionError):
            encryption.unseal(sealed[:end], *CONTEXT)


def test_one_ciphertext_has_one_spelling() -> None:
    sealed = encryption.seal(b"secret!", *CONTEXT)
    assert sealed.endswith("=")
    spare = sealed.rstrip("=")
    loose = spare[:-1] + chr(ord(spare[-1]) + 1) + sealed[len(spare) :]
    for other in (sealed + "\n", " " + sealed, spare, sealed + "=", loose):
        with pytest.raises(DecryptionError):
            encryption.unseal(other, *CONTEXT)


def test_the_first_key_encrypts_and_all_decrypt(settings: Settings) -> None:
    use_keys(settings, "k1")
    old = encryption.seal(b"secret", *CONTEXT)
    use_keys(settings, "k2", "k1")
    assert encryption.unseal(old, *CONTEXT) == b"secret"
    new = encryption.seal(b"secret", *CONTEXT)
    assert [encryption.key_id(each) for each in (old, new)] == ["k1", "k2"]
    assert encryption.primary_key_id() == "k2"
    use_keys(settings, "k2")
    with pytest.raises(DecryptionError):
        encryption.unseal(old, *CONTEXT)


def test_a_key_id_cannot_be_exchanged_for_another(settings: Settings) -> None:
    key = os.urandom(32)
    settings.ENCRYPTION_KEYS = {"k1": key, "k2": key}
    blob = raw(encryption.seal(b"secret", *CONTEXT))
    with pytest.raises(DecryptionError):
        encryption.unseal(text(blob.replace(b"k1", b"k2", 1)), *CONTEXT)


@pytest.mark.parametrize("invalid", ["", "x", "\ud800", text(b"\x01\x09k1")])
def test_what_is_not_ours_has_no_key_id(invalid: str) -> None:
    with pytest.raises(DecryptionError):
        encryption.key_id(invalid)


def test_the_format_is_version_key_id_salt_nonce_and_tag() -> None:
    blob = raw(encryption.seal(b"secret", *CONTEXT))
    assert blob.startswith(b"\x01\x02k1")
    assert len(blob) == 4 + 16 + 12 + len(b"secret") + 16


def test_what_was_stored_by_the_first_version_stays_readable(
    settings: Settings,
) -> None:
    settings.ENCRYPTION_KEYS = {"k1": bytes(32)}
    assert encryption.unseal(STORED_V1, *CONTEXT) == b"secret"


def test_an_error_tells_nothing_of_what_was_inside() -> None:
    with pytest.raises(DecryptionError) as caught:
        decrypt_credentials(encryption.seal(b"canary-9f2c", "credentials"))
    assert "canary" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_mac_is_bound_to_its_message_purpose_and_key(settings: Settings) -> None:
    use_keys(settings, "k1")
    kid, digest = encryption.mac(b"message", purpose="ticket")
    assert (kid, len(digest)) == ("k1", 64)
    assert encryption.mac(b"message", purpose="ticket") == (kid, digest)
    assert encryption.mac(b"other", purpose="ticket")[1] != digest
    assert encryption.mac(b"message", purpose="arguments")[1] != digest
    use_keys(settings, "k2", "k1")
    assert encryption.mac(b"message", purpose="ticket")[0] == "k2"
    newest, oldest = encryption.macs(b"message", purpose="ticket")
    assert oldest == digest
    assert newest == encryption.mac(b"message", purpose="ticket")[1]
