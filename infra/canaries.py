"""``python -m infra.canaries``: is a survivor's word readable in what the compose platform keeps?

Played after the journey: the survivor's words, contact and name are looked for
in PostgreSQL's files and its write-ahead log, in the broker's files, and in
every container's log. The search itself is tried first on words that have to
be there, so that it cannot pass by looking nowhere.
"""

from __future__ import annotations

import subprocess
import sys

from infra.compose import CannotStart, command
from infra.demo.journey import Words

STORES = {
    "postgres": ("/var/lib/postgresql/data", "DisclosureMade"),
    "rabbitmq": ("/var/lib/rabbitmq", "intake.from.consent"),
}
"""Container → its folder, and a word that its files do hold."""


class Blind(Exception):
    """The search does not find even what is there."""


def found(compose: list[str]) -> list[str]:
    """Where a word of the survivor's lies readable; ``Blind`` if the search finds nothing."""
    said = Words()
    words = (said.need, said.other_need, said.address, said.name)
    hits: list[str] = []
    for container, (folder, known) in STORES.items():
        if not _files(compose, container, folder, known):
            raise Blind(f"the search of {container} finds nothing, not even {known!r}")
        for word in words:
            hits += [f"{container}:{file}" for file in _files(compose, container, folder, word)]
    logs = _run([*compose, "logs", "--no-color"]).stdout
    if "answered" not in logs:
        raise Blind("the containers' logs are empty")
    return hits + [f"a container's log: {word!r}" for word in words if word in logs]


def _files(compose: list[str], container: str, folder: str, word: str) -> list[str]:
    searched = _run([*compose, "exec", "-T", container, "grep", "-rlaF", "--", word, folder])
    return searched.stdout.split()


def _run(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)


def main() -> int:
    """0 if nothing is readable; 1 with where it is, or why that cannot be told."""
    try:
        hits = found(command())
    except (CannotStart, Blind) as reason:
        print(reason, file=sys.stderr)
        return 1
    for hit in hits:
        print(f"readable: {hit}", file=sys.stderr)
    if not hits:
        print("No word of the survivor is readable in any database file, broker file or log.")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main())
