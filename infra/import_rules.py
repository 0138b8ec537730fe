"""The import rules that import-linter has no contract type for.

Named in ``pyproject.toml``; ``tests/architecture`` plants a violation of each.
"""

from __future__ import annotations

import sys
from typing import Any, cast

from grimp import ImportGraph
from importlinter.application import output
from importlinter.contracts.layers import LayersContract
from importlinter.domain import fields
from importlinter.domain.contract import Contract, ContractCheck
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import ModuleExpression


class ServicePattern(LayersContract):
    """Layers inside every child of ``package``, so that a new service is held to them unasked.

    ``apart``: children with a shape of their own.
    """

    type_name = "service_pattern"

    package = fields.StringField()
    apart = fields.SetField(subfield=fields.StringField(), required=False)
    exhaustive = fields.BooleanField(default=True)

    def validate(self) -> None:
        """The containers are found at the check, so there is nothing to say about them here."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Layers, with the services found in the graph as containers."""
        names = graph.find_children(cast(str, self.package)) - cast(set[str], self.apart or set())
        if not names:
            raise ValueError(f"{self.package} has no services: the rule would hold of nothing")
        cast(Any, self).containers = [ModuleExpression(name) for name in sorted(names)]
        return super().check(graph, verbose)


class Only(Contract):
    """``sources`` import themselves, ``allowed``, and the standard library except ``not_even``."""

    type_name = "only"

    sources = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed = fields.SetField(subfield=fields.StringField())
    not_even = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Every direct import of every source and its children."""
        packages = {m.name for m in module_expressions_to_modules(graph, cast(Any, self.sources))}
        if not packages:
            raise ValueError("the sources match nothing: the rule would hold of nothing")
        allowed = cast(set[str], self.allowed)
        standard = sys.stdlib_module_names - cast(set[str], self.not_even or set())
        broken = []
        for package in packages:
            for module in {package} | graph.find_descendants(package):
                for target in graph.find_modules_directly_imported_by(module):
                    own = _within(target, {package})
                    if not (own or _within(target, allowed) or target.split(".")[0] in standard):
                        broken.append((module, target))
        return ContractCheck(kept=not broken, metadata={"broken": sorted(broken)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that is not allowed."""
        for module, target in check.metadata["broken"]:
            output.print_error(f"- {module} is not allowed to import {target}", bold=False)


def _within(module: str, packages: set[str]) -> bool:
    return any(module == p or module.startswith(f"{p}.") for p in packages)
