"""Who descends from whom: walk from a model back to its sources, or from a dataset on to every model made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingot.flow.artifact import Artifact
from ingot.flow.home import Home


@dataclass(frozen=True)
class Node:
    """An artifact and the inputs it was made from."""

    artifact: Artifact
    inputs: tuple[Node, ...]


def ancestry(home: Home, artifact: Artifact) -> Node:
    """Return the tree of everything an artifact was made from, itself at the root; what was used twice is one node."""
    nodes: dict[str, Node] = {}

    def node(current: Artifact) -> Node:
        if current.reference not in nodes:
            inputs = tuple(node(home.get(reference)) for reference in current.record.parents)
            nodes[current.reference] = Node(current, inputs)
        return nodes[current.reference]

    return node(artifact)


def ancestors(home: Home, artifact: Artifact) -> list[Artifact]:
    """Return everything an artifact was made from, each once, oldest first, itself last."""
    found: dict[str, Artifact] = {}

    def visit(current: Artifact) -> None:
        for reference in current.record.parents:
            if reference not in found:
                visit(home.get(reference))
        found[current.reference] = current

    visit(artifact)
    return list(found.values())


def descendants(artifact: Artifact, everything: Iterable[Artifact]) -> list[Artifact]:
    """Return everything made from an artifact, directly or not, each once."""
    reached = {artifact.reference}
    remaining = list(everything)
    while True:
        new = [other for other in remaining if other.reference not in reached and reached & set(other.record.parents)]
        if not new:
            return [other for other in remaining if other.reference in reached - {artifact.reference}]
        reached |= {other.reference for other in new}
