"""The log's tests run against a real PostgreSQL."""

from tests.support.postgres import databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]
