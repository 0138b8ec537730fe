"""``make rules``: the table, ``build/rules.json``, and with ``--mutate`` whether marks bite.

Exit status 0 where every rule is both marked and tested, or neither, and every
mark bit; 1 with what is wrong on stderr; 2 for a rule that there is not.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator

from infra.rules.catalogue import RULES
from infra.rules.mutating import NothingToBreak
from infra.rules.proving import NotGreen, Prover, copied
from infra.rules.reading import ROOT, Mark, Table, Unreadable, read

WRITTEN = ROOT / "build" / "rules.json"


def main(arguments: list[str] | None = None) -> int:
    """0 if all is well."""
    parser = argparse.ArgumentParser(prog="make rules", description=__doc__)
    parser.add_argument("--mutate", action="store_true", help="remove what each mark stands at")
    parser.add_argument("--rule", action="append", help="only this one, with --mutate; repeatable")
    asked = parser.parse_args(arguments)
    rules = asked.rule or list(RULES)
    if unknown := [rule for rule in rules if rule not in RULES]:
        parser.error(f"there is no rule {', '.join(unknown)}; there are R01 to R74 and I01 to I16")
    try:
        table = read()
    except Unreadable as unreadable:
        print(unreadable, file=sys.stderr)
        return 1
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps(table.as_data(), indent=1) + "\n", "utf-8")
    _print(table)
    wrong = table.gaps()
    if asked.rule:
        wrong += [f"{rule} is marked nowhere" for rule in rules if not _marks(table, rule)]
    if asked.mutate:
        wrong += list(_toothless(table, rules))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _print(table: Table) -> None:
    print(f"{'':4} {'enforced':>8} {'tested':>6} {'audited':>7}")
    for rule, text in RULES.items():
        counts = [len(where[rule]) for where in (table.enforced, table.tested, table.audited)]
        shown = [str(count) if count else "·" for count in counts]
        print(f"{rule:4} {shown[0]:>8} {shown[1]:>6} {shown[2]:>7}  {text}")
    there = sum(bool(_marks(table, rule)) for rule in RULES)
    print(f"\n{there} of {len(RULES)} are enforced or audited; the others wait for their services.")
    print(f"Where each is: {WRITTEN.relative_to(ROOT)}")


def _marks(table: Table, rule: str) -> list[Mark]:
    return [*table.enforced[rule], *table.audited[rule]]


def _toothless(table: Table, rules: list[str]) -> Iterator[str]:
    """In words: every mark that no test of its rule misses when what it stands at is removed."""
    marks = [mark for rule in rules for mark in _marks(table, rule)]
    with copied() as copy:
        prover = Prover(copy)
        for number, mark in enumerate(marks, start=1):
            print(f"[{number}/{len(marks)}] {mark.rule} {mark.place} ...", end=" ", flush=True)
            wrong = None
            try:
                bite = prover.prove(mark, table.tested[mark.rule])
            except NothingToBreak as nothing:
                bite, wrong = None, str(nothing)
            except NotGreen as red:
                bite, wrong = None, f"the tests of {mark.rule} fail with nothing broken:\n{red}"
            print(bite or "SURVIVES", flush=True)
            if bite is None:
                yield wrong or f"{mark.place}: no test of {mark.rule} notices that this is gone"


if __name__ == "__main__":
    sys.exit(main())
