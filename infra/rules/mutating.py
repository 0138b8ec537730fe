"""Removes what a mark stands at: a rule's test that does not notice is a defect.

Always by *removing the enforcement*, never by refusing everybody, which any test of an
ordinary day would notice:

- a marked ``if`` is never taken, a marked ``for`` finds nothing, and a marked ``case`` never
  matches: they refuse, hold back, report or act, and never merely let through
- a marked statement, or policy that forbids, is left out
- what a marked line returns or sets is the answer that lets pass: nothing where nothing wrong
  can be said, else true; so is one marked check of several, and a marked reason never holds
- words that are sealed stay open
- a policy that permits loses its condition; one without a condition opens a door, and is left out
- a marked contract asks for what the rule says it must not ask, or takes what it lists alone

Nothing is broken in place: :func:`mutant` gives the whole text of the file.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from infra.rules.reading import Mark


class NothingToBreak(Exception):
    """The mark stands at nothing that could be removed: it marks no code that enforces."""


NEVER_ASKED = {
    "R09": "reason: str | None = None",
    "R24": "police_report: str | None = None",
    "R48": "readiness: int | None = None",
    "R62": "arrest_record: str | None = None",
    "R74": "name: str | None = None",
}
"""The field that a marked contract must not have, by the rule that says so."""

NARROWED = {"R37": 'Literal["housing", "money"]'}
"""What a marked field of a contract must not be narrowed to, by the rule that says so."""

Change = tuple[int, int, str]


def mutant(root: Path, mark: Mark) -> tuple[str, str]:
    """(what was removed, text of the file without it). ``NothingToBreak``."""
    source = (root / mark.path).read_text("utf-8")
    found = _cedar(source, mark) if mark.path.endswith(".cedar") else _python(source, mark)
    if found is None:
        raise NothingToBreak(f"{mark.place} ({mark.rule}) stands at nothing that enforces")
    how, (start, end, text) = found
    changed = source[:start] + text + source[end:]
    if mark.path.endswith(".py"):
        ast.parse(changed)
    return how, changed


def _python(source: str, mark: Mark) -> tuple[str, Change] | None:
    tree = ast.parse(source)
    first = _first_line_of_code(source, mark)
    node = next((n for n in ast.walk(tree) if _is_at(n, first)), None)
    return None if node is None else _without(source, tree, node, mark, first)


def _first_line_of_code(source: str, mark: Mark) -> int:
    if not mark.alone:
        return mark.line
    lines = source.splitlines()
    after = range(mark.line, len(lines))
    return next(n + 1 for n in after if lines[n].strip() and not lines[n].lstrip().startswith("#"))


_KINDS = (
    ast.If,
    ast.For,
    ast.Return,
    ast.Assign,
    ast.AnnAssign,
    ast.Expr,
    ast.Raise,
    ast.ClassDef,
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
    if isinstance(node, ast.For):
        return node.lineno
    if isinstance(node, ast.If):
        return node.test.end_lineno or node.lineno
    if isinstance(node, ast.ClassDef):
        return node.body[0].lineno - 1 if node.body[0].lineno > node.lineno else node.lineno
    if isinstance(node, ast.Tuple):
        return node.lineno
    return getattr(node, "end_lineno", 0) or 0


def _without(
    source: str, tree: ast.Module, node: ast.AST, mark: Mark, line: int
) -> tuple[str, Change] | None:
    found: tuple[str, Change] | None = None
    match node:
        case ast.If():
            found = "never taken", _replace(source, node.test, "False")
        case ast.For():
            found = "nothing is found", _replace(source, node.iter, "()")
        case ast.Return(value=ast.expr() as value) | ast.Assign(value=value):
            found = _letting_pass(source, tree, node, _marked_part(value, line))
        case ast.Expr() | ast.Raise():
            found = "left out", _replace(source, node, "pass")
        case ast.match_case(guard=ast.expr() as guard):
            found = "never matches", _replace(source, guard, "False")
        case ast.match_case(pattern=pattern):
            at = _offset(source, pattern.end_lineno or 0, pattern.end_col_offset or 0)
            found = "never matches", (at, at, " if False")
        case ast.Tuple(elts=[*_, last]):
            # A reason that holds may be true, or be there at all: None is neither.
            found = "never holds", _replace(source, last, "None")
        case ast.AnnAssign(value=None, annotation=annotation) if mark.rule in NARROWED:
            narrow = NARROWED[mark.rule]
            found = f"it takes {narrow} alone", _replace(source, annotation, narrow)
        case ast.ClassDef(body=[*_, last]) if mark.rule in NEVER_ASKED:
            field = NEVER_ASKED[mark.rule]
            at = _offset(source, last.end_lineno or 0, last.end_col_offset or 0)
            found = f"it asks for {field.partition(':')[0]}", (at, at, f"\n    {field}")
    return found


def _marked_part(value: ast.expr, line: int) -> ast.expr:
    """One check of several on lines of their own (``one or other``), where that is marked."""
    if not isinstance(value, ast.BoolOp) or not isinstance(value.op, ast.Or):
        return value
    if value.lineno != value.end_lineno:
        return next(p for p in value.values if p.lineno <= line <= (p.end_lineno or 0))
    return value


def _letting_pass(
    source: str, tree: ast.Module, node: ast.Return | ast.Assign, value: ast.expr
) -> tuple[str, Change] | None:
    if sealed := _sealing(value):
        words = ast.get_source_segment(source, sealed.args[-1]) or ""
        return "the words stay open", _replace(source, sealed, words)
    if isinstance(node, ast.Assign):
        return "it always holds", _replace(source, value, "True")
    passes = _lets_pass(_around(tree, node))
    return (f"the answer is {passes}", _replace(source, value, passes)) if passes else None


def _around(tree: ast.Module, node: ast.AST) -> ast.FunctionDef | None:
    """The innermost function that holds a line."""
    holding = [f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) and node in ast.walk(f)]
    return max(holding, key=lambda f: f.lineno, default=None)


def _lets_pass(function: ast.FunctionDef | None) -> str | None:
    """The answer of a check that found nothing wrong, by what it says that it returns."""
    said = ast.unparse(function.returns) if function and function.returns else ""
    if said == "bool":
        return "True"
    return "None" if "None" in said.split(" | ") else None


def _sealing(value: ast.expr) -> ast.Call | None:
    """The call that closes somebody's words."""
    calls = (n for n in ast.walk(value) if isinstance(n, ast.Call))
    return next((call for call in calls if ast.unparse(call.func) == "Sealed.pending"), None)


def _replace(source: str, node: ast.expr | ast.stmt, text: str) -> Change:
    begin = _offset(source, node.lineno, node.col_offset)
    return begin, _offset(source, node.end_lineno or 0, node.end_col_offset or 0), text


def _offset(source: str, line: int, column: int) -> int:
    lines = source.splitlines(keepends=True)
    # Columns of the syntax tree count bytes.
    inside = lines[line - 1].encode()[:column].decode()
    return sum(map(len, lines[: line - 1])) + len(inside)


def _cedar(source: str, mark: Mark) -> tuple[str, Change] | None:
    lines = source.splitlines(keepends=True)
    begin = sum(map(len, lines[: mark.line]))
    found = re.compile(r"(?:permit|forbid)\b.*?;", re.S).search(source, begin)
    if not found:
        return None
    policy, span = found[0], found.span()
    condition = re.search(r"\)\s*when\b.*;", policy, flags=re.S)
    if policy.startswith("permit") and condition:
        return "permitted without its condition", (*span, policy[: condition.start()] + ");")
    return "left out", (*span, "")
