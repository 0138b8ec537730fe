"""A service as others reach it: a signed token and JSON in, an answer or a refusal out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from shared.identity.keys import SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import GATEWAY, fingerprint, sign
from shared.messaging.assembly import assemble
from shared.messaging.provided import bind


class Door:
    """Where envelopes go in. Services in ``callers`` sign for themselves, the gateway for all."""

    def __init__(
        self, service: str, app: Any, now: Callable[[], datetime], callers: tuple[str, ...] = ()
    ) -> None:
        self._keys: Mapping[str, SigningKey] = {
            name: SigningKey.from_seed(name, bytes(31) + bytes([number]))
            for number, name in enumerate((GATEWAY, *callers))
        }
        pinned = issuers({name: key.public for name, key in self._keys.items()})
        made = assemble(service, app.edge, pinned)
        self._name, self._now = service, now
        self.close = made.app.close
        self._service = bind(made.service_class, made.provided | {"app": app})

    def knock(self, who: Principal, method: str, key: UUID | None = None, **asked: Any) -> Any:
        """The answer to one envelope; ``key`` repeats a command."""
        signer = self._keys[str(who.id) if who.kind == "service" else GATEWAY]
        command_id = str(key or uuid4())
        req = fingerprint(method, command_id, asked)
        return getattr(self._service, method)(
            {
                "request": asked,
                "command_id": command_id,
                "token": sign(who, self._name, signer, self._now(), req=req),
                "correlation_id": str(uuid4()),
            }
        )

    def refusal(self, who: Principal, method: str, **asked: Any) -> Any:
        """Why one envelope is refused; fails where it is not."""
        answer = self.knock(who, method, **asked)
        assert "refused" in answer, answer
        return answer["refused"]
