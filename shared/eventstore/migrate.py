"""``python -m shared.eventstore.migrate [SERVICE ...]``: databases, roles, grants, migrations.

One-shot and safe to repeat; run it before services of a new version start.
Migrations only go forward and are safe before and after a deploy.
"""

from __future__ import annotations

import argparse
import sys

from shared.contracts.registry import services
from shared.eventstore.location import Location
from shared.eventstore.provision import MigrationChanged, provision


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when every database is as the files say; 1 when history was edited."""
    parser = argparse.ArgumentParser(prog="python -m shared.eventstore.migrate")
    parser.add_argument("service", nargs="*", help="all services, if none is named")
    named = parser.parse_args(arguments).service
    where = Location()
    known = [name for name, contract in services().items() if contract.database]
    unknown = sorted(set(named) - set(known))
    if unknown:
        parser.error(f"no such service with a database: {', '.join(unknown)}")
    for service in named or known:
        try:
            ran = provision(
                where.admin_dsn(),
                service,
                password=lambda kind, service=service: where.password(f"db_{service}_{kind}"),  # type: ignore[misc]
            )
        except MigrationChanged as changed:
            print(f"{service}: {changed}", file=sys.stderr)
            return 1
        print(f"{service}: {', '.join(ran) or 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
