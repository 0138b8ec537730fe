"""What each leaf holds: a record of a known service in its order, padding, or the next closing."""

from __future__ import annotations

from collections.abc import Collection

from services.audit.checks.findings import Findings, Kind
from services.audit.domain.leaf import Closing, Leaf


class ContentsCheck:
    """Takes the leaves in their order; ``end`` after the last one."""

    def __init__(self, services: Collection[str], findings: Findings) -> None:
        self._heads = dict.fromkeys(services, 0)
        self._findings = findings
        self._number = 0
        self._waiting: tuple[Closing, int] | None = None
        self.last_signed: Closing | None = None
        """The last closing that a checkpoint is stored for."""

    def take(self, leaf: Leaf) -> Closing | None:
        """Tell what is wrong with it; the closing that it holds, if it is a sound one."""
        if leaf.wrong:
            self._tell(Kind.LEAF, leaf.wrong, leaf)
            self._believe(leaf)
            return None
        self._follow(leaf)
        closing = leaf.closing()
        if closing is not None:
            self._close(closing, leaf)
        return closing

    def signed(self, closing: Closing) -> None:
        """There is a checkpoint of the closing taken last."""
        self._waiting, self.last_signed = None, closing

    def end(self) -> None:
        """The last closing may still wait for its checkpoint, and only the next one after that."""
        last = self.last_signed.number if self.last_signed else 0
        if self._waiting and self._waiting[0].number != last + 1:
            self._tell_missing()

    def _believe(self, leaf: Leaf) -> None:
        """It stands for what it is stored as, so that what follows is not told of too."""
        if leaf.position is None:
            return
        if leaf.service is None:
            self._number = leaf.position
        elif leaf.service in self._heads:
            self._heads[leaf.service] = max(leaf.position, self._heads[leaf.service])

    def _follow(self, leaf: Leaf) -> None:
        if leaf.service is None or leaf.position is None:
            return
        if leaf.service not in self._heads:
            self._tell(Kind.RECORDS, "a record of a service that there is not", leaf)
            return
        head = self._heads[leaf.service]
        # A position left out is told beside the service's rows.
        if leaf.position <= head:
            self._tell(Kind.RECORDS, f"out of its log's order, after position {head:,}", leaf)
        self._heads[leaf.service] = max(leaf.position, head)

    def _close(self, closing: Closing, leaf: Leaf) -> None:
        if self._waiting:
            self._tell_missing()
        if closing.number != self._number + 1:
            what = f"closing {closing.number:,}, where {self._number + 1:,} is due"
            self._findings.add(Kind.LEAF, what, leaf=leaf.index)
        for service in sorted({*self._heads, *closing.heads}):
            holds, said = self._heads.get(service, 0), closing.heads.get(service, 0)
            if holds != said:
                self._findings.add(
                    Kind.RECORDS,
                    f"closing {closing.number:,} counts {said} records of {service}, and there"
                    f" are {holds:,} until here",
                    leaf=leaf.index,
                )
                self._heads[service] = said
        self._number = closing.number
        self._waiting = (closing, leaf.index)

    def _tell_missing(self) -> None:
        if self._waiting:
            closing, index = self._waiting
            what = f"checkpoint {closing.number:,}, of size {index + 1:,}, is not stored any more"
            self._findings.add(Kind.UNSIGNED, what, leaf=index)

    def _tell(self, kind: Kind, what: str, leaf: Leaf) -> None:
        self._findings.add(
            kind, what, service=leaf.service, position=leaf.position, leaf=leaf.index
        )
