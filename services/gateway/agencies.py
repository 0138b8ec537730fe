"""Agencies: API keys of which only keyed hashes are kept."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from services.gateway.staff import listed
from shared.identity.principal import Principal
from shared.identity.units import KINDS

PREFIX = "sayso_"
_BYTES = 32


class BadAgencies(ValueError):
    """The file of agencies cannot be used; nothing may start."""


class KeyRefused(Exception):
    """No agency has this key."""


@dataclass(frozen=True)
class AgencyKey:
    """One key of one agency's unit. ``key_hash`` is the keyed hash, in hex."""

    agency_id: UUID
    unit_kind: str
    key_hash: str


def new_key(random: Callable[[int], bytes]) -> str:
    """A key to hand over once; 256 bits."""
    return PREFIX + random(_BYTES).hex()


def hashed(key: str, pepper: bytes) -> str:
    """What is kept of a key: HMAC-SHA-256 under a secret that lies elsewhere."""
    return hmac.new(pepper, key.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def read_keys(text: str) -> tuple[AgencyKey, ...]:
    """``[{"agency_id", "unit_kind", "key_hash"}, …]``; :class:`BadAgencies`."""
    try:
        rows = tuple(
            AgencyKey(UUID(row["agency_id"]), str(row["unit_kind"]), str(row["key_hash"]))
            for row in listed(text)
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise BadAgencies(f"the agencies cannot be read: {type(wrong).__name__}") from wrong
    if any(len(row.key_hash) != 64 or not row.key_hash.isascii() for row in rows):
        raise BadAgencies("a key_hash is 64 hexadecimal digits")
    if any(row.unit_kind not in KINDS for row in rows):
        raise BadAgencies("a unit_kind is one of shared/identity/units.py")
    return rows


def written(keys: Iterable[AgencyKey]) -> str:
    """What :func:`read_keys` reads."""
    return json.dumps(
        [
            {"agency_id": str(k.agency_id), "unit_kind": k.unit_kind, "key_hash": k.key_hash}
            for k in keys
        ],
        indent=2,
    )


class AgencyKeys:
    """Recognises keys, in a time that does not depend on which one it is."""

    def __init__(self, keys: Iterable[AgencyKey], pepper: bytes) -> None:
        self._keys, self._pepper = tuple(keys), pepper

    def whose(self, key: str) -> Principal:
        """The agency; :class:`KeyRefused` if nobody has this key."""
        given, found = hashed(key, self._pepper), None
        for kept in self._keys:  # all of them, always
            if hmac.compare_digest(kept.key_hash, given):
                found = kept
        if found is None:
            raise KeyRefused
        return Principal.agency(found.agency_id, found.unit_kind)
