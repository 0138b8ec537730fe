"""The doorbell inside one process: something was stored, so somebody may look."""

from __future__ import annotations

from threading import Condition


class Doorbell:
    """Rung by whoever stores, waited at by whoever follows. Only ever says "look", never what."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._rings = 0
        self._closed = False

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def close(self) -> None:
        """From now on nobody waits here."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, heard: int, timeout: float) -> int:
        """Wait until it rings more often than ``heard``, or for ``timeout`` seconds.

        Returns the count to pass next time: a ring between two waits is not missed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._rings > heard, timeout)
            return self._rings
