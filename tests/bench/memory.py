"""What a platform takes of the machine's memory: proportional set size, shared pages divided.

RSS counts PostgreSQL's shared memory once for each of its processes; PSS counts it once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import httpx
import psutil

from tests.bench.figures import Bar
from tests.bench.people import key
from tests.support.processes import ROOT

MIB = 1024 * 1024
EMBEDDED_BAR_MIB = 300
PLATFORM_BAR_MIB = 900
PEOPLE = 20
TIMES = 5


def pss(pids: Iterable[int]) -> int:
    """Bytes, of all these processes together; those that have ended meanwhile count nothing."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(
            int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")
        )
    return total


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def embedded() -> Bar:
    """The platform in one process, its gateway and its database, after people have used it."""
    with tempfile.TemporaryDirectory(
        prefix="sayso-", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.bench.embedded", folder],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert child.stdout
            address = child.stdout.readline().strip()
            if not address:
                raise RuntimeError("the embedded platform did not start")
            _used(address)
            postmaster = int((Path(folder) / "pg" / "postmaster.pid").read_text().split()[0])
            python, database = pss(family(child.pid)), pss(family(postmaster))
        finally:
            child.communicate("end\n", timeout=60)
    return Bar(
        "embedded platform with gateway and database: PSS in MiB",
        (python + database) / MIB,
        EMBEDDED_BAR_MIB,
        at_least=False,
        note=f"Python {python / MIB:.0f}, PostgreSQL {database / MIB:.0f}",
    )


def containers(ids: Iterable[str]) -> dict[str, float]:
    """MiB of each container by its service's name; needs root."""
    found: dict[str, float] = {}
    for container in ids:
        told = subprocess.run(
            ["docker", "inspect", container], capture_output=True, text=True, check=True
        )
        name = json.loads(told.stdout)[0]["Config"]["Labels"]["com.docker.compose.service"]
        top = subprocess.run(
            ["docker", "top", container, "-eo", "pid"], capture_output=True, text=True, check=True
        )
        found[name] = pss(int(pid) for pid in top.stdout.split()[1:]) / MIB
    return found


def _used(address: str) -> None:
    """People begin, come back with their code, say what they need and look at it, several times."""
    with httpx.Client(base_url=address, timeout=30) as http:
        for _ in range(PEOPLE):
            begun = http.post("/v1/inquiries", json={"language": "en"}, headers=key()).json()
            code = {"possession_code": begun["possession_code"]}
            token = http.post("/v1/sessions", json=code, headers=key()).json()["session_token"]
            own = {"Authorization": f"Bearer {token}"}
            at = f"/v1/participations/{begun['participation_id']}"
            notice = {"base": "alone", "notice_version": "alone-1"}
            answers = [
                http.post(f"{at}/confidentiality-notices", json=notice, headers={**own, **key()})
            ]
            for _ in range(TIMES):
                words = {"words": "I want to sleep at night."}
                answers.append(http.post(f"{at}/needs", json=words, headers={**own, **key()}))
                answers.append(http.get(f"{at}/needs", headers=own))
                answers.append(http.get(f"{at}/timeline", headers=own))
            for answer in answers:
                if not answer.is_success:
                    raise RuntimeError(f"{answer.request.url.path}: {answer.text[:300]}")


def root() -> bool:
    """Whether other users' processes may be looked at."""
    return os.geteuid() == 0
