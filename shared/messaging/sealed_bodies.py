"""Bodies of requests and answers as the broker sees them: AES-256-GCM under a rotating key.

The key file reads ``{"current": "2", "keys": {"1": "<base64>", "2": "<base64>"}}``.
To rotate: add the new key everywhere, then make it current everywhere, then
drop the old one. The file is looked at again every few seconds, and at once
when a body names a key that is not known yet.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import kombu.serialization
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SERIALIZER = "sayso-sealed"
CONTENT_TYPE = "application/vnd.sayso.sealed"
LOOK_AGAIN = 5.0
_NONCE = 12
_MAGIC = b"sayso-rpc-1"


class Unreadable(ValueError):
    """The body was not sealed under a key of ours, or was changed on its way."""


class RpcKeys:
    """The key file, read when it changes."""

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read now; ValueError or OSError if the file is not as described."""
        self._path = path
        self._monotonic = monotonic
        self._lock = Lock()
        self._looked = monotonic()
        self._stamp, self._current, self._keys = self._read()

    def seal(self, data: Any) -> bytes:
        """JSON data as a body."""
        self._look_again(at_once=False)
        kid, key = self._current, self._keys[self._current]
        head = _MAGIC + bytes([len(kid)]) + kid.encode()
        nonce = os.urandom(_NONCE)
        plain = json.dumps(data, separators=(",", ":")).encode()
        return head + nonce + key.encrypt(nonce, plain, head)

    def open(self, body: bytes) -> Any:
        """The JSON data of a body; :class:`Unreadable` if anything is wrong with it."""
        body = bytes(body)
        end = len(_MAGIC) + 1
        if len(body) < end or not body.startswith(_MAGIC):
            raise Unreadable("not sealed")
        end += body[end - 1]
        kid = body[len(_MAGIC) + 1 : end].decode("ascii", "replace")
        self._look_again(at_once=kid not in self._keys)
        key = self._keys.get(kid)
        if key is None:
            raise Unreadable("unknown key")
        try:
            nonce, sealed = body[end : end + _NONCE], body[end + _NONCE :]
            return json.loads(key.decrypt(nonce, sealed, body[:end]))
        except (InvalidTag, ValueError, RecursionError):
            raise Unreadable("changed on its way") from None

    def register(self) -> None:
        """Make it kombu's serializer ``sayso-sealed``."""
        kombu.serialization.register(
            SERIALIZER, self.seal, self.open, content_type=CONTENT_TYPE, content_encoding="binary"
        )

    def _look_again(self, at_once: bool) -> None:
        now = self._monotonic()
        # A flood of unknown keys must not become a flood of reads.
        wait = 0.2 if at_once else LOOK_AGAIN
        with self._lock:
            if now - self._looked < wait:
                return
            self._looked = now
            try:
                if self._stamp_now() != self._stamp:
                    self._stamp, self._current, self._keys = self._read()
            except (OSError, ValueError):
                return  # half a rotation: the keys that are held go on working

    def _stamp_now(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def _read(self) -> tuple[tuple[int, int, int], str, dict[str, AESGCM]]:
        stamp = self._stamp_now()
        content = json.loads(self._path.read_text("utf-8"))
        try:
            keys = {
                k: AESGCM(base64.b64decode(v, validate=True)) for k, v in content["keys"].items()
            }
            current = content["current"]
        except (KeyError, TypeError, AttributeError):
            raise ValueError("the RPC key file is not as described") from None
        if current not in keys or not all(k.isascii() and 0 < len(k) < 256 for k in keys):
            raise ValueError("the RPC key file names no usable current key")
        return stamp, current, keys
