"""Concurrent writers in one process, and when each of their things was done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.bench.figures import Sample

One = Callable[[int, int], None]
"""``(writer, number)``: do one thing."""


def written(writers: int, each: int, one: One) -> Sample:
    """``writers`` threads that begin together, each doing ``each`` things one after the other.

    Whatever one of them raises is raised here: nothing that failed is counted as fast.
    """
    done: list[list[float]] = [[] for _ in range(writers)]
    took: list[list[float]] = [[] for _ in range(writers)]
    failed: list[BaseException] = []
    ready = threading.Barrier(writers + 1)
    began = 0.0

    def write(writer: int) -> None:
        ready.wait()
        try:
            for number in range(each):
                start = time.perf_counter()
                one(writer, number)
                end = time.perf_counter()
                done[writer].append(end)
                took[writer].append(end - start)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    ready.wait()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    ends = [end - began for each_done in done for end in each_done]
    return Sample(ends, [t for each_took in took for t in each_took])
