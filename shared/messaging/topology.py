"""Users, permissions, exchanges, queues, bindings and policies, derived from the contracts.

Loaded into RabbitMQ at its start, so that a wiped broker comes back whole. A
service declares nothing of this itself and may not (trust, "Between services").
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from shared.contracts.base import ServiceContract
from shared.contracts.registry import services

EVENTS_VHOST, RPC_VHOST = "sayso", "sayso-rpc"
EVENTS, UNROUTED, DEAD = "sayso.events", "sayso.unrouted", "sayso.dead"
RPC = "nameko-rpc"
GATEWAY = "gateway"
NOTHING = "^$"

DELIVERY_LIMIT = 1_000
"""Deliveries of one message before it is dead: crashes count, so this is high (stack, "Traps")."""
KEPT_ASIDE = 10_000
"""Messages kept in ``sayso.dead`` and ``sayso.unrouted`` for an operator to look at."""
RPC_WAITS_MS = 30_000
"""A request that nobody took by then is dropped: its caller has given up."""
RPC_QUEUE = 5_000

Contracts = Mapping[str, ServiceContract]
Data = dict[str, Any]


def queue_from(consumer: str, producer: str) -> str:
    """The queue in which ``consumer`` hears ``producer``."""
    return f"{consumer}.from.{producer}"


def rpc_queue(service: str) -> str:
    """The queue of a service's requests (nameko's name for it)."""
    return f"rpc-{service}"


def reply_queue(caller: str, number: str) -> str:
    """The transient queue of one caller's answers."""
    return f"rpc.reply-{caller}-{number}"


def reply_key(caller: str, number: str) -> str:
    """The routing key of answers to one caller; only it may bind it."""
    return f"reply.{caller}.{number}"


def users(contracts: Contracts | None = None) -> tuple[str, ...]:
    """Every broker user: one per service, and the gateway."""
    return tuple(sorted({*_contracts(contracts), GATEWAY}))


def asks(contracts: Contracts | None = None) -> dict[str, frozenset[str]]:
    """Who asks whom by RPC: what contracts call, producers to catch up with, and the gateway.

    The keeper of the ledger asks every log, its own included.
    """
    known = _contracts(contracts)
    logs = {n for n, c in known.items() if c.database}
    found = {
        n: frozenset({*c.calls, *c.follows, *(logs if c.keeps_the_ledger else ())} & set(known))
        for n, c in known.items()
    }
    asked = frozenset(n for n, c in known.items() if c.requests and n != GATEWAY)
    found[GATEWAY] = found.get(GATEWAY, frozenset()) or asked
    return found


def definitions(
    passwords: Mapping[str, str],
    contracts: Contracts | None = None,
    salt: Callable[[int], bytes] = secrets.token_bytes,
) -> Data:
    """RabbitMQ's definitions; ``passwords``: user → password, for every one of :func:`users`.

    KeyError if a password is missing. Other names in it become nothing.
    """
    known = _contracts(contracts)
    names = users(known)
    return {
        "vhosts": [
            {"name": EVENTS_VHOST, "default_queue_type": "quorum"},
            {"name": RPC_VHOST, "default_queue_type": "classic"},
        ],
        "users": [_user(name, passwords[name], salt) for name in names],
        "permissions": [p for name in names for p in _permissions(name, known)],
        "topic_permissions": [p for name in names for p in _topic_permissions(name, known)],
        "exchanges": _exchanges(),
        "queues": _queues(known),
        "bindings": _bindings(known),
        "policies": _policies(),
    }


def _contracts(contracts: Contracts | None) -> Contracts:
    return services() if contracts is None else contracts


def _user(name: str, password: str, salt: Callable[[int], bytes]) -> Data:
    salted = salt(4)
    digest = hashlib.sha256(salted + password.encode()).digest()
    return {
        "name": name,
        "password_hash": base64.b64encode(salted + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": [],
    }


def _permissions(name: str, known: Contracts) -> list[Data]:
    contract = known.get(name)
    mine = _exactly(reply_queue(name, "")) + "[0-9a-f]+"
    reads = f"({_exactly(RPC)}|{_exactly(rpc_queue(name))}|{mine})"
    found = [
        {
            "user": name,
            "vhost": RPC_VHOST,
            "configure": f"^{mine}$",
            "write": f"^({_exactly(RPC)}|{mine})$",
            "read": f"^{reads}$",
        }
    ]
    if contract and (contract.publishes or contract.follows):
        hears = "|".join(_exactly(queue_from(name, p)) for p in _producers(contract, known))
        found.append(
            {
                "user": name,
                "vhost": EVENTS_VHOST,
                "configure": NOTHING,
                "write": f"^{_exactly(EVENTS)}$" if contract.publishes else NOTHING,
                "read": f"^({hears})$" if hears else NOTHING,
            }
        )
    return found


def _topic_permissions(name: str, known: Contracts) -> list[Data]:
    asked = asks(known)
    requests = [f"{_exactly(s)}\\.[a-z0-9_]+" for s in sorted(asked.get(name, ()))]
    answers = [_exactly(reply_key(c, "")) + "[0-9a-f]+" for c in sorted(asked) if name in asked[c]]
    found = [
        {
            "user": name,
            "vhost": RPC_VHOST,
            "exchange": RPC,
            "write": f"^({'|'.join(requests + answers)})$" if requests + answers else NOTHING,
            "read": f"^{_exactly(reply_key(name, ''))}[0-9a-f]+$",
        }
    ]
    contract = known.get(name)
    if contract and (contract.publishes or contract.follows):
        found.append(
            {
                "user": name,
                "vhost": EVENTS_VHOST,
                "exchange": EVENTS,
                "write": f"^{_exactly(name)}\\..+$" if contract.publishes else NOTHING,
                "read": NOTHING,
            }
        )
    return found


def _exchanges() -> list[Data]:
    def exchange(vhost: str, name: str, kind: str, **arguments: str) -> Data:
        return {
            "vhost": vhost,
            "name": name,
            "type": kind,
            "durable": True,
            "auto_delete": False,
            "internal": False,
            "arguments": arguments,
        }

    return [
        exchange(EVENTS_VHOST, EVENTS, "topic", **{"alternate-exchange": UNROUTED}),
        exchange(EVENTS_VHOST, UNROUTED, "fanout"),
        exchange(EVENTS_VHOST, DEAD, "fanout"),
        exchange(RPC_VHOST, RPC, "topic"),
    ]


def _queues(known: Contracts) -> list[Data]:
    def queue(vhost: str, name: str, **arguments: Any) -> Data:
        return {
            "vhost": vhost,
            "name": name,
            "durable": True,
            "auto_delete": False,
            "arguments": arguments,
        }

    single: Data = {"x-queue-type": "quorum", "x-single-active-consumer": True}
    return [
        *(
            queue(EVENTS_VHOST, queue_from(name, producer), **single)
            for name, contract in known.items()
            for producer in _producers(contract, known)
        ),
        queue(EVENTS_VHOST, UNROUTED, **{"x-queue-type": "quorum"}),
        queue(EVENTS_VHOST, DEAD, **{"x-queue-type": "quorum"}),
        *(
            # A quorum queue would write request bodies to its log on disk.
            queue(RPC_VHOST, rpc_queue(name), **{"x-queue-type": "classic"})
            for name in known
            if name != GATEWAY
        ),
    ]


def _bindings(known: Contracts) -> list[Data]:
    def binding(vhost: str, source: str, queue: str, key: str) -> Data:
        return {
            "vhost": vhost,
            "source": source,
            "destination": queue,
            "destination_type": "queue",
            "routing_key": key,
            "arguments": {},
        }

    return [
        *(
            binding(EVENTS_VHOST, EVENTS, queue_from(name, producer), f"{producer}.#")
            for name, contract in known.items()
            for producer in _producers(contract, known)
        ),
        binding(EVENTS_VHOST, UNROUTED, UNROUTED, ""),
        binding(EVENTS_VHOST, DEAD, DEAD, ""),
        *(
            binding(RPC_VHOST, RPC, rpc_queue(name), f"{name}.*")
            for name in known
            if name != GATEWAY
        ),
    ]


def _policies() -> list[Data]:
    def policy(vhost: str, name: str, pattern: str, priority: int, definition: Data) -> Data:
        return {
            "vhost": vhost,
            "name": name,
            "pattern": pattern,
            "apply-to": "queues",
            "priority": priority,
            "definition": definition,
        }

    return [
        policy(
            EVENTS_VHOST,
            "followers",
            r"^[a-z_]+\.from\.[a-z_]+$",
            10,
            {
                "delivery-limit": DELIVERY_LIMIT,
                "dead-letter-exchange": DEAD,
                # Needs reject-publish, else it silently falls back to at-most-once. There is no
                # length limit here, so nothing is ever rejected.
                "dead-letter-strategy": "at-least-once",
                "overflow": "reject-publish",
            },
        ),
        policy(
            EVENTS_VHOST,
            "aside",
            r"^sayso\.(dead|unrouted)$",
            10,
            {"max-length": KEPT_ASIDE, "overflow": "drop-head", "delivery-limit": DELIVERY_LIMIT},
        ),
        policy(
            RPC_VHOST,
            "requests",
            r"^rpc-[a-z_]+$",
            10,
            {
                "message-ttl": RPC_WAITS_MS,
                "max-length": RPC_QUEUE,
                "overflow": "reject-publish",
            },
        ),
    ]


def _producers(contract: ServiceContract, known: Contracts) -> list[str]:
    return sorted(set(contract.follows) & set(known))


def _exactly(text: str) -> str:
    return text.replace(".", "\\.")
