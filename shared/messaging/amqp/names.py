"""How the names of hosts are looked up in a service's process."""

from __future__ import annotations

from eventlet.support import greendns

LONGEST = 2.0
"""Seconds after which one question to the name servers counts as unanswered."""


class _Anew(greendns.ResolverProxy):
    """Remembers no answer: what was restarted may have another address."""

    def clear(self) -> None:
        super().clear()  # type: ignore[no-untyped-call]
        self._resolver.cache = None
        self._resolver.lifetime = LONGEST


def ask_anew() -> None:
    """From now on eventlet asks at each connection, instead of once in an answer's lifetime."""
    greendns.resolver = _Anew(hosts_resolver=greendns.HostsResolver())  # type: ignore[no-untyped-call]
