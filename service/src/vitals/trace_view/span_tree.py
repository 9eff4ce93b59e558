"""A trace's spans in the order of a waterfall."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vitals.lookup.records import Span


def tree(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """The spans in the order of a waterfall, each with its depth; a span whose parent is not here begins a tree of its own."""
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.start):
        parent = span.parent_span_id if span.parent_span_id in known else None
        children.setdefault(parent, []).append(span)

    def below(parent: str | None, depth: int) -> Iterable[tuple[int, Span]]:
        for span in children.get(parent, []):
            yield depth, span
            yield from below(span.span_id, depth + 1)

    return list(below(None, 0))
