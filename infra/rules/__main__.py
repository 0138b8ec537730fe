"""``make rules``: the table, ``build/rules.json``, and with ``--mutate`` whether marks bite.

A mark that bit is not broken again as long as its file, that test's, and all that the two lead to
within the project are as they were: what is left of a run goes on, in pieces where ``--rule`` or
``--below`` say of which.

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
from infra.rules.proving import NotGreen, Prover, commit, copied
from infra.rules.reading import ROOT, Mark, Table, Unreadable, read
from infra.rules.record import Record, written

WRITTEN = ROOT / "build" / "rules.json"
PROVEN = ROOT / "build" / "rules-proof.jsonl"
REPORTED = ROOT / "docs" / "rules.md"


def main(arguments: list[str] | None = None) -> int:
    """0 if all is well."""
    parser = argparse.ArgumentParser(prog="make rules", description=__doc__)
    parser.add_argument("--mutate", action="store_true", help="remove what each mark stands at")
    parser.add_argument("--rule", help="only these, with commas between them; with --mutate")
    parser.add_argument("--below", default="", help="only marks below this folder; with --mutate")
    parser.add_argument("--report", action="store_true", help=f"write what bit to {REPORTED.name}")
    asked = parser.parse_args(arguments)
    rules = asked.rule.split(",") if asked.rule else list(RULES)
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
        marks = [mark for rule in rules for mark in _marks(table, rule)]
        wrong += _toothless(table, [mark for mark in marks if mark.path.startswith(asked.below)])
    if asked.report:
        every = [mark for rule in RULES for mark in _marks(table, rule)]
        proofs = Record(PROVEN, ROOT, commit()).of(every, table.tested)
        REPORTED.write_text(written(every, proofs), "utf-8")
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


def _toothless(table: Table, marks: list[Mark]) -> Iterator[str]:
    """In words: every mark that no test of its rule misses when what it stands at is removed."""
    with copied() as copy:
        record = Record(PROVEN, copy, commit())
        known = {mark for mark, proof in record.of(marks, table.tested).items() if proof.test}
        if known:
            print(f"{len(known)} of {len(marks)} bit before, and nothing of that has changed.")
        left = [mark for mark in marks if mark not in known]
        prover = Prover(copy)
        for number, mark in enumerate(left, start=1):
            print(f"[{number}/{len(left)}] {mark.rule} {mark.place} ...", end=" ", flush=True)
            bite, wrong = None, f"{mark.place}: no test of {mark.rule} notices that this is gone"
            try:
                bite = prover.prove(mark, table.tested[mark.rule])
            except NothingToBreak as nothing:
                wrong = str(nothing)
            except NotGreen as red:
                wrong = f"the tests of {mark.rule} fail with nothing broken:\n{red}"
            record.note(mark, bite, instead=wrong)
            print(bite or "SURVIVES", flush=True)
            if bite is None:
                yield wrong


if __name__ == "__main__":
    sys.exit(main())
