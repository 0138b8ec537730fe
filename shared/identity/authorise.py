"""Who may do what: Cedar decides, over ``shared/contracts/policies/*.cedar``.

The same policies are asked at the gateway and again in the service, where the
participation and its assignments are known. What no policy permits is denied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import cedarpy

import shared.contracts
from shared.contracts.refusal import NotAllowed
from shared.identity.principal import Principal
from shared.identity.schema import PRINCIPAL_TYPES, RECORD_DEFAULTS, schema

POLICIES = Path(shared.contracts.__path__[0]) / "policies"

REMEMBERED = 2_048
"""Questions whose answers are kept; each names one person and one record."""

_Record = tuple[tuple[str, str | tuple[str, ...]], ...]


class BadPolicies(RuntimeError):
    """The policies cannot be read or speak of what does not exist; nothing may start."""


class Policies:
    """A set of Cedar policies, read and checked once."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """``texts``: file name → Cedar. Raises :class:`BadPolicies`."""
        if not any(text.strip() for text in texts.values()):
            raise BadPolicies("there are no policies")
        for name, text in texts.items():
            found = cedarpy.validate_policies(text, schema())
            if not found:
                raise BadPolicies(f"{name}: " + "; ".join(str(error) for error in found.errors))
        self._set = cedarpy.PolicySet.from_str("\n".join(texts[name] for name in sorted(texts)))
        # An answer follows from what is asked and nothing else: the same question has the same one.
        self._answer = lru_cache(REMEMBERED)(self._decide)

    @classmethod
    def read(cls, folder: Path) -> Policies:
        """All ``*.cedar`` files of a folder."""
        return cls({file.name: file.read_text("utf-8") for file in sorted(folder.glob("*.cedar"))})

    def allow(
        self,
        principal: Principal,
        action: str,
        resource: Mapping[str, Any],
        context: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether some policy permits and none forbids; an error while deciding is a no."""
        return self._answer(
            principal, action, _record(resource), json.dumps(dict(context or {}), sort_keys=True)
        )

    def _decide(self, principal: Principal, action: str, record: _Record, context: str) -> bool:
        who = {"type": PRINCIPAL_TYPES[principal.kind], "id": str(principal.id)}
        what = {"type": "Record", "id": "asked"}
        answer = cedarpy.is_authorized(
            {
                "principal": who,
                "action": {"type": "Action", "id": action},
                "resource": what,
                "context": context,
            },
            self._set,
            [
                {"uid": who, "attrs": _person(principal), "parents": []},
                {"uid": what, "attrs": dict(record), "parents": []},
            ],
        )
        return answer.allowed and not answer.diagnostics.errors


@cache
def platform_policies() -> Policies:
    """The policies of the platform, loaded on first use: ask once at start."""
    return Policies.read(POLICIES)


def authorise(
    principal: Principal,
    action: str,
    resource: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
) -> None:
    """Return if ``principal`` may do ``action`` to ``resource``; else raise ``NotAllowed``.

    ``action`` is a request's method name; ``resource`` holds attributes of
    :data:`shared.identity.schema.RECORD_DEFAULTS` (ids as UUID or text),
    ValueError for others.
    """
    if not platform_policies().allow(principal, action, resource, context):
        raise NotAllowed()


def _person(principal: Principal) -> dict[str, Any]:
    return {
        "id": str(principal.id),
        "role": principal.role,
        "base": principal.base or "",
        "agency_id": _text(principal.agency_id),
        "unit_kind": principal.unit_kind or "",
        "participation_id": _text(principal.participation_id),
        "trained": principal.trained,
    }


def _record(resource: Mapping[str, Any]) -> _Record:
    unknown = set(resource) - set(RECORD_DEFAULTS)
    if unknown:
        raise ValueError(f"no attributes of a resource: {sorted(unknown)} (see RECORD_DEFAULTS)")
    return tuple(
        (name, _texts(value) if isinstance(default, tuple) else _text(value))
        for name, default in RECORD_DEFAULTS.items()
        for value in (resource.get(name, default),)
    )


def _texts(values: Iterable[UUID | str]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _text(value: UUID | str | None) -> str:
    return "" if value is None else str(value)
