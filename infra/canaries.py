"""Is anything confidential readable in what the compose platform keeps?

Searched after the journey: the survivor's words, contact and name, their
possession code and session token, the staff's tokens and the agencies' keys,
in PostgreSQL's files and its write-ahead log, in the broker's files, and in
every container's log. The search itself is tried first on words that have to
be there, so that it cannot pass by looking nowhere.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping

STORES = {
    "postgres": ("/var/lib/postgresql/data", "DisclosureMade"),
    "rabbitmq": ("/var/lib/rabbitmq", "intake.from.consent"),
}
"""Container → its folder, and a word that its files do hold."""

LOG_FOLDERS = {"rabbitmq": "/var/log/rabbitmq"}
"""Where an image may log to a file instead of its output."""

QUIET = frozenset({"migrate", "auditor"})
"""Containers that may have logged nothing: one that has ended, and one that runs when asked."""

_SHORTEST = 8
"""Characters: what is shorter is found by chance."""


class Blind(Exception):
    """The search does not find even what is there."""


def ways(code: str) -> set[str]:
    """A possession code as it is shown, and as people and programs write it."""
    parts = code.replace("-", " ").split()
    joined = {code, " ".join(parts), "-".join(parts), "".join(parts)}
    return {way for one in joined for way in (one, one.lower(), one.upper())}


def found(compose: list[str], confidential: Mapping[str, Iterable[str]]) -> list[str]:
    """Where something lies readable, named by its label in ``confidential`` and never quoted.

    ``Blind`` if the search finds nothing that has to be there.
    """
    labels = {text: label for label, texts in confidential.items() for text in texts}
    if not labels or min(map(len, labels)) < _SHORTEST:
        raise Blind("nothing long enough to be looked for")
    # What is in memory only would be written at the next checkpoint: so it is written now.
    _run([*compose, "exec", "-T", "postgres", "psql", "-q", "-U", "postgres", "-c", "CHECKPOINT"])
    hits: set[str] = set()
    for container, (folder, known) in STORES.items():
        lines = _grep(compose, container, folder, [known, *labels])
        if not any(line.endswith(f":{known}") for line in lines):
            raise Blind(f"the search of {container} finds nothing, not even {known!r}")
        for text, label in labels.items():
            hits |= {
                f"{label}: {container}:{line.removesuffix(f':{text}')}"
                for line in lines
                if line.endswith(f":{text}")
            }
    logs = _run([*compose, "logs", "--no-color"])
    for container, folder in LOG_FOLDERS.items():
        kept = _run([*compose, "exec", "-T", container, "grep", "-rah", "--", "", folder])
        logs += "".join(f"{container}_1 | {line}\n" for line in kept.splitlines())
    _all_heard(compose, logs)
    return sorted(hits | {f"{label}: a log" for text, label in labels.items() if text in logs})


def _all_heard(compose: list[str], logs: str) -> None:
    silent = [
        name
        for name in set(_run([*compose, "config", "--services"]).split()) - QUIET
        if not re.search(rf"^(?:\S*[-_])?{re.escape(name)}[-_]1\s+\|", logs, re.MULTILINE)
    ]
    if silent or "answered" not in logs:
        raise Blind(f"logs are missing: {', '.join(sorted(silent)) or 'what the gateway answered'}")


def _grep(compose: list[str], container: str, folder: str, texts: list[str]) -> list[str]:
    """``file:text`` for each that is there; what is looked for stands in no list of processes."""
    searched = [*compose, "exec", "-T", container, "grep", "-raoF", "-f", "-", "--", folder]
    return sorted(set(_run(searched, "\n".join(texts) + "\n").splitlines()))


def _run(words: list[str], given: str = "") -> str:
    return subprocess.run(
        words, input=given, capture_output=True, text=True, errors="replace", check=False
    ).stdout
