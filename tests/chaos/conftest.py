"""The broker of this run; PostgreSQL is the platform's own."""

from tests.support.rabbitmq import rabbitmq

__all__ = ["rabbitmq"]
