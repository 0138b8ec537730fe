"""What a proof rests on: every file of the project that the marked code and its test lead to.

Followed from import to import, as they are written: by name; by a name that is put together
(``f"services.{name}.service"`` leads to every module of that form, and what cannot be told
leads to all of them); by a text that is the name of a module, as in ``python -m``. Beside code
stand the files that it reads: those of its service, or of its part of ``shared``. A test brings
the ``conftest.py`` of its folders.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from hashlib import sha256
from pathlib import Path

FOLDERS = ("services", "shared", "infra", "tests")
_WITH_FILES = ("services", "shared")
_BY_NAME = ("import_module", "find_spec", "__import__")

PROVING = ("infra/rules/mutating.py", "infra/rules/noticing.py", "infra/rules/proving.py")
"""How enforcement is removed, and what counts as noticed: every proof rests on that."""


class Project:
    """The files below ``root`` as they are now; made anew when they may have changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._leads: dict[str, frozenset[str]] = {}
        self._hashes: dict[str, bytes] = {}

    def digest(self, *starts: str) -> str:
        """SHA-256 over the names and contents of all that these files lead to, themselves too."""
        digest = sha256()
        for path in sorted(self.reached(starts)):
            digest.update(f"{path}\0".encode() + self._hash(path))
        return digest.hexdigest()

    def reached(self, starts: Iterable[str]) -> set[str]:
        """Themselves, what they lead to, and what that leads to, from one to the next."""
        found: set[str] = set()
        waiting = [*starts, *PROVING]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting.extend(self._leads_to(path) - found)
        return found | {file for path in found for file in self._files_beside(path)}

    def _leads_to(self, path: str) -> frozenset[str]:
        if path not in self._leads:
            self._leads[path] = frozenset(self._followed(path))
        return self._leads[path]

    def _followed(self, path: str) -> Iterator[str]:
        if path.startswith("tests/"):
            for folder in Path(path).parents:
                if (self._root / folder / "conftest.py").is_file():
                    yield str(folder / "conftest.py")
        if path.endswith(".py") and (self._root / path).is_file():
            for pattern in _patterns(ast.parse((self._root / path).read_bytes()), path):
                yield from self._named(pattern)

    def _named(self, pattern: str) -> Iterator[str]:
        """The modules of that name or form, and the packages that they lie in."""
        exact = [pattern] if pattern in self._modules else []
        for name in _matching(self._modules, pattern) if "*" in pattern else exact:
            parts = name.split(".")
            above = (".".join(parts[:end]) for end in range(1, len(parts) + 1))
            yield from (self._modules[each] for each in above if each in self._modules)

    @cached_property
    def _modules(self) -> dict[str, str]:
        found = {}
        for folder in FOLDERS:
            for file in (self._root / folder).rglob("*.py"):
                path = file.relative_to(self._root)
                parts = path.parent.parts if path.stem == "__init__" else path.with_suffix("").parts
                found[".".join(parts)] = str(path)
        return found

    def _files_beside(self, path: str) -> frozenset[str]:
        part = Path(path).parts[:2]
        if path.endswith(".py") and len(part) > 1 and part[0] in _WITH_FILES:
            return self._read_by.get("/".join(part), frozenset())
        return frozenset()

    @cached_property
    def _read_by(self) -> dict[str, frozenset[str]]:
        """``services/consent`` → what lies below it and is neither code nor told to people."""
        found: dict[str, set[str]] = {}
        for folder in _WITH_FILES:
            for file in (self._root / folder).rglob("*"):
                path = file.relative_to(self._root)
                if file.is_file() and path.suffix not in (".py", ".pyc", ".md"):
                    found.setdefault("/".join(path.parts[:2]), set()).add(str(path))
        return {part: frozenset(files) for part, files in found.items()}

    def _hash(self, path: str) -> bytes:
        if path not in self._hashes:
            file = self._root / path
            self._hashes[path] = sha256(file.read_bytes() if file.is_file() else b"gone").digest()
        return self._hashes[path]


def _matching(modules: Mapping[str, str], pattern: str) -> Iterator[str]:
    for name in modules:
        # What is put together from nothing that is known is code of the platform all the same.
        if fnmatchcase(name, pattern) and (pattern[0] != "*" or name.startswith(_WITH_FILES)):
            yield name


def _patterns(tree: ast.Module, path: str) -> Iterator[str]:
    """The names, or the forms of names with ``*``, that a module leads to."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = Path(path).parts[:-level] if level else ()
                whole = ".".join([*above, *([module] if module else [])])
                yield whole
                yield from (f"{whole}.{each.name}" for each in names)
            case ast.Constant(value=str(text)) if "*" not in text:
                yield text
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[what, *_]) if (
                name in _BY_NAME
            ):
                yield _form(what)


def _form(what: ast.expr) -> str:
    match what:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(p.value) if isinstance(p, ast.Constant) else "*" for p in parts)
    return "*"
