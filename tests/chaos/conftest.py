"""The broker of this run; PostgreSQL is the platform's own, or a test's where it needs no more."""

from tests.support.postgres import postgres_dsn
from tests.support.rabbitmq import rabbitmq

__all__ = ["postgres_dsn", "rabbitmq"]
