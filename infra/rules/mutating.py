"""Breaks what a mark stands at, one way at a time: a rule's test that does not notice is a defect.

Nothing is broken in place: :func:`mutants` gives the whole text of the file.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from infra.rules.reading import Mark


class NothingToBreak(Exception):
    """The mark stands at nothing that could be broken: it marks no code that enforces."""


NEVER_ASKED = {"R24": "police_report", "R59": "immigration_status", "R62": "arrest_record"}
"""The field that a marked class must not have, by the rule that says so."""


def mutants(root: Path, mark: Mark) -> Iterator[tuple[str, str]]:
    """(what was broken, text of the file) for every way to break it. ``NothingToBreak``."""
    source = (root / mark.path).read_text("utf-8")
    broken = _cedar(source, mark) if mark.path.endswith(".cedar") else _python(source, mark)
    found = list(broken)
    if not found:
        raise NothingToBreak(f"{mark.place} ({mark.rule}) stands at nothing that can be broken")
    yield from found


def _python(source: str, mark: Mark) -> Iterator[tuple[str, str]]:
    tree = ast.parse(source)
    first = _first_line_of_code(source, mark)
    node = next((n for n in ast.walk(tree) if _is_at(n, first)), None)
    for instead, (start, end, text) in _ways(source, node, mark):
        changed = source[:start] + text + source[end:]
        ast.parse(changed)
        yield instead, changed


def _first_line_of_code(source: str, mark: Mark) -> int:
    if not mark.alone:
        return mark.line
    lines = source.splitlines()
    after = range(mark.line, len(lines))
    return next(n + 1 for n in after if lines[n].strip() and not lines[n].lstrip().startswith("#"))


_KINDS = (
    ast.If,
    ast.Return,
    ast.Assign,
    ast.AnnAssign,
    ast.Expr,
    ast.Raise,
    ast.ClassDef,
    ast.FunctionDef,
    ast.Tuple,
    ast.match_case,
)


def _is_at(node: ast.AST, line: int) -> bool:
    if isinstance(node, ast.match_case):
        last = (node.guard or node.pattern).end_lineno or 0
        return node.pattern.lineno <= line <= last
    return isinstance(node, _KINDS) and getattr(node, "lineno", 0) <= line <= _head(node)


def _head(node: ast.AST) -> int:
    """The last line of what a mark at the end of a line can mean: a header, not a body."""
    if isinstance(node, ast.If):
        return node.test.end_lineno or node.lineno
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return node.body[0].lineno - 1 if node.body[0].lineno > node.lineno else node.lineno
    if isinstance(node, ast.Tuple):
        return node.lineno
    return getattr(node, "end_lineno", 0) or 0


Change = tuple[int, int, str]


def _ways(source: str, node: ast.AST | None, mark: Mark) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.If():
            for value in ("False", "True"):
                yield f"the condition is {value}", _replace(source, node.test, value)
        case ast.Return(value=ast.expr() as value):
            yield "nothing is returned", _replace(source, value, "None")
            said = ast.get_source_segment(source, value)
            yield "something is returned", _replace(source, value, f"(({said}) or True)")
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            for instead in ("True", "None"):
                yield f"the value is {instead}", _replace(source, value, instead)
        case ast.Expr() | ast.Raise():
            yield "it is left out", _replace(source, node, "pass")
        case ast.match_case(guard=ast.expr() as guard):
            yield "it never matches", _replace(source, guard, "False")
        case ast.match_case(pattern=pattern):
            at = _offset(source, pattern.end_lineno, pattern.end_col_offset)
            yield "it never matches", (at, at, " if False")
        case ast.Tuple(elts=[*_, last]):
            yield "it never holds", _replace(source, last, "False")
        case ast.ClassDef(body=[*_, last]):
            field = NEVER_ASKED.get(mark.rule)
            if field:
                at = _offset(source, last.end_lineno or 0, last.end_col_offset or 0)
                yield f"it asks for {field}", (at, at, f"\n    {field}: str | None = None")
        case ast.FunctionDef(body=[*_, last]):
            begin = _offset(source, node.body[0].lineno, node.body[0].col_offset)
            end = _offset(source, last.end_lineno or 0, last.end_col_offset or 0)
            yield "it does nothing", (begin, end, "return None")


def _replace(source: str, node: ast.expr | ast.stmt, text: str) -> Change:
    begin = _offset(source, node.lineno, node.col_offset)
    return begin, _offset(source, node.end_lineno or 0, node.end_col_offset or 0), text


def _offset(source: str, line: int, column: int) -> int:
    lines = source.splitlines(keepends=True)
    # Columns of the syntax tree count bytes.
    inside = lines[line - 1].encode()[:column].decode()
    return sum(map(len, lines[: line - 1])) + len(inside)


def _cedar(source: str, mark: Mark) -> Iterator[tuple[str, str]]:
    lines = source.splitlines(keepends=True)
    begin = sum(map(len, lines[: mark.line]))
    found = re.compile(r"(?:permit|forbid)\b.*?;", re.S).search(source, begin)
    if not found:
        return
    policy = found[0]
    yield "the policy is left out", source[: found.start()] + source[found.end() :]
    if " when" in policy.replace("\n", " ") and policy.startswith("permit"):
        freely = re.sub(r"\)\s*when\b.*;", ");", policy, flags=re.S)
        yield "it is permitted always", source[: found.start()] + freely + source[found.end() :]
