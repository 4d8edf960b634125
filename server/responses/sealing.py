"""Seal: what a client keeps for the server and cannot read, change or pass to another key.

A sealed reasoning item holds its id and how many tokens it had. The reasoning itself is not in it:
the server drops its text where it is parsed, and no chat template takes earlier reasoning back.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.errors import RequestError
from server.keys.policy import PolicyError

VERSION = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32
KEY_FILE = "seal.key"
KEY = re.compile(r"[0-9a-f]{64}")


class Seal:
    """Seals and opens with one secret of the server; AES-256-GCM, bound to the caller's key id."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret, 32 bytes."""
        self._cipher = AESGCM(secret)

    def seal(self, key_id: str, item_id: str, num_tokens: int) -> str:
        """Seal a reasoning item for one caller."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        data = json.dumps([item_id, num_tokens]).encode()
        sealed = self._cipher.encrypt(nonce, data, _bound_to(key_id))
        return base64.urlsafe_b64encode(VERSION + nonce + sealed).decode()

    def check(self, key_id: str, item_id: str | None, sealed: str) -> int:
        """Return the number of tokens of an item that this caller got; raise RequestError.

        Whatever is wrong with it, the error is the same.
        """
        try:
            raw = base64.b64decode(sealed.encode(), b"-_", validate=True)
            if raw[:1] != VERSION:
                raise _refusal()
            nonce, data = raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]
            opened = self._cipher.decrypt(nonce, data, _bound_to(key_id))
        except (InvalidTag, ValueError, binascii.Error) as error:
            raise _refusal() from error
        sealed_id, num_tokens = json.loads(opened)
        if item_id is not None and item_id != sealed_id:
            raise _refusal()
        return int(num_tokens)


def _bound_to(key_id: str) -> bytes:
    return VERSION + b"reasoning\0" + key_id.encode()


def _refusal() -> RequestError:
    return RequestError(
        "The 'encrypted_content' of a reasoning item could not be verified: send the item as this "
        "server gave it to this API key, or leave it out.",
        param="input",
        code="invalid_encrypted_content",
    )


def find_secret(environment: str | None, folder: Path | None) -> bytes:
    """Return the secret: the variable REFLECT_SEAL_KEY, else the folder's, made at first use.

    Without a folder it lasts as long as the process. Raises PolicyError for one that is no key.
    """
    if environment is not None:
        return _read(environment, "REFLECT_SEAL_KEY")
    if folder is None:
        return secrets.token_bytes(KEY_BYTES)
    file = folder / KEY_FILE
    try:
        if not file.exists():
            _make(file)
        text = file.read_text("utf-8", "replace")
    except OSError as error:
        raise PolicyError(f"the seal's secret cannot be kept: {error}") from error
    return _read(text, str(file))


def _read(text: str, source: str) -> bytes:
    if not KEY.fullmatch(text.strip()):
        raise PolicyError(f"{source} must be 64 lower-case hex digits: `openssl rand -hex 32`")
    return bytes.fromhex(text.strip())


def _make(file: Path) -> None:
    """Write a new secret that only its owner may read; another process's, made first, stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    made = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
        with suppress(FileExistsError):
            file.hardlink_to(made)
    finally:
        made.unlink()
