"""Secrets at rest: AES-256-GCM under a keyring, bound to where they are stored.

Format 1, base64url: `01 | length of kid | kid | salt 16 | nonce 12 | ciphertext
and tag`. Each message has its own key, HKDF-SHA256 (RFC 5869) of the keyring's
key and the salt, so no key ever nears the message limit of GCM (NIST SP 800-38D,
section 8.3). The associated data are the header and the context (field, row and
owner), so a ciphertext cannot be moved to another row, field or person.

The keyring is `settings.ENCRYPTION_KEYS`: key id to 32 bytes; the first key
encrypts, all of them decrypt. There is no plaintext fallback.
"""

import base64
import hashlib
import hmac
import json
import os
import struct
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

VERSION = b"\x01"
KEY_BYTES = 32
SALT_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16
_CREDENTIALS = "credentials"


class DecryptionError(Exception):
    """Not sealed by us, not for this context, changed, or under an unknown key."""


@dataclass(frozen=True, kw_only=True)
class _Message:
    kid: str
    header: bytes  # version, key id, salt
    salt: bytes
    nonce: bytes
    ciphertext: bytes


def encrypt_credentials(data: dict[str, Any]) -> str:
    """Return `data` sealed; neither its keys nor its values can be read."""
    return seal(json.dumps(data).encode(), _CREDENTIALS)


def decrypt_credentials(text: str) -> dict[str, Any]:
    """Return what `encrypt_credentials` was given.

    Raises:
        DecryptionError: `text` is anything else.
    """
    try:
        data = json.loads(unseal(text, _CREDENTIALS))
    except ValueError:
        raise DecryptionError("not an object") from None
    if not isinstance(data, dict):
        raise DecryptionError("not an object")
    return data


def seal(plaintext: bytes, *context: str) -> str:
    """Return `plaintext` encrypted under the first key and bound to `context`."""
    kid, master = next(iter(_keyring().items()))
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    encoded = kid.encode()
    header = VERSION + bytes([len(encoded)]) + encoded + salt
    cipher = AESGCM(_message_key(master, salt))
    sealed = cipher.encrypt(nonce, plaintext, _associated(header, context))
    return base64.urlsafe_b64encode(header + nonce + sealed).decode()


def unseal(text: str, *context: str) -> bytes:
    """Return the plaintext of `text`, which was sealed for `context`.

    Raises:
        DecryptionError: it was not, was changed, or its key is not in the keyring.
    """
    message = _parse(text)
    master = _keyring().get(message.kid)
    if master is None:
        raise DecryptionError("unknown key")
    cipher = AESGCM(_message_key(master, message.salt))
    associated = _associated(message.header, context)
    try:
        return cipher.decrypt(message.nonce, message.ciphertext, associated)
    except InvalidTag:
        raise DecryptionError("authentication failed") from None


def key_id(text: str) -> str:
    """Return the id of the key that `text` was sealed under.

    Raises:
        DecryptionError: `text` has not our format. Nothing else is checked.
    """
    return _parse(text).kid


def primary_key_id() -> str:
    """Return the id of the key that encrypts."""
    return next(iter(_keyring()))


def mac(message: bytes, *, purpose: str) -> tuple[str, str]:
    """Return the first key's id and its HMAC-SHA256 of `message`, in hexadecimal.

    Each purpose has a key of its own, so a code made for one proves nothing in
    another.
    """
    kid, master = next(iter(_keyring().items()))
    return kid, _hmac(master, message, purpose)


def macs(message: bytes, *, purpose: str) -> list[str]:
    """Return the HMAC-SHA256 of `message` under each key, the first key first."""
    return [_hmac(master, message, purpose) for master in _keyring().values()]


def _keyring() -> dict[str, bytes]:
    keys: dict[str, bytes] = settings.ENCRYPTION_KEYS
    return keys


def _derive(master: bytes, *, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(master)


def _message_key(master: bytes, salt: bytes) -> bytes:
    return _derive(master, salt=salt, info=b"patchbay seal 1")


def _hmac(master: bytes, message: bytes, purpose: str) -> str:
    key = _derive(master, salt=None, info=b"patchbay mac 1 " + purpose.encode())
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _associated(header: bytes, context: tuple[str, ...]) -> bytes:
    # Each part with its length: ("a", "bc") is not ("ab", "c").
    parts = [header, *(part.encode("utf-8", "surrogatepass") for part in context)]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _parse(text: str) -> _Message:
    try:
        blob = base64.b64decode(text, altchars=b"-_", validate=True)
        # Spare bits after the last byte would give one ciphertext two spellings.
        if base64.urlsafe_b64encode(blob).decode() != text:
            raise ValueError
        header_end = 2 + blob[1] + SALT_BYTES
        kid = blob[2 : 2 + blob[1]].decode()
    except (ValueError, IndexError):
        raise DecryptionError("malformed") from None
    nonce_end = header_end + NONCE_BYTES
    if blob[:1] != VERSION or len(blob) < nonce_end + TAG_BYTES:
        raise DecryptionError("malformed")
    return _Message(
        kid=kid,
        header=blob[:header_end],
        salt=blob[header_end - SALT_BYTES : header_end],
        nonce=blob[header_end:nonce_end],
        ciphertext=blob[nonce_end:],
    )
