"""YAML that is data and nothing else: no tags, no anchors, no repeated keys."""

from __future__ import annotations

from typing import Any

import yaml


class _Strict(yaml.SafeLoader):
    """Refuses what JSON cannot say."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.YAMLError(f"line {event.start_mark.line + 1} uses an anchor or alias")
        if getattr(event, "tag", None):
            raise yaml.YAMLError(f"line {event.start_mark.line + 1} uses a tag")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        for n, key in enumerate(keys):
            if not isinstance(key, str):
                raise yaml.YAMLError(f"line {node.start_mark.line + 1}: the key {key!r} is no text")
            if key in keys[:n]:
                raise yaml.YAMLError(f"line {node.start_mark.line + 1}: the key {key!r} is there twice")
        return super().construct_mapping(node, deep)


def parse(text: str) -> Any:
    """The data of a YAML text. Raises ValueError, naming the line, for anything that is not plain data."""
    try:
        return yaml.load(text, Loader=_Strict)
    except yaml.YAMLError as error:
        raise ValueError(str(error).replace("\n", " ")) from error
