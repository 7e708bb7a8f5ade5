"""A YAML file with the line of everything in it, and each number as it was written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import EditError

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MarkedYaml:
    """What a file says, and where."""

    data: Any  # as YAML's safe loader reads it
    root: yaml.Node | None  # the same as a tree with marks; None for an empty file

    def line(self, place: Place) -> int:
        """The line, from 1, of the value at a path of keys and indices, or of the nearest thing around it."""
        node = self.root
        for step in place:
            inside = _inside(node, step)
            if inside is None:
                break
            node = inside
        return 1 if node is None else node.start_mark.line + 1

    def written(self, place: Place) -> str | None:
        """The letters of a single value at a path; None where there is none."""
        node = self.root
        for step in place:
            node = _inside(node, step)
        return node.value if isinstance(node, yaml.ScalarNode) else None


def read_marked_yaml(path: Path) -> MarkedYaml:
    """Read a YAML file that people write; nothing but plain values is ever built from it.

    Raises:
        EditError: it cannot be read, is no YAML, or says one key twice, of which YAML would keep the last.
    """
    try:
        text = path.read_text("utf-8")
        root, data = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
        mappings = list(_mappings(root))
    except OSError as error:
        found = f"it cannot be read ({error.strerror or error})"
        raise EditError(path, found, "a YAML file of sliders", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise EditError(path, "it is not UTF-8", "a text file", "Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise EditError(f"{path}{line}", f"no YAML ({error.problem})", "YAML", "Put it right there.") from error
    except yaml.YAMLError as error:
        raise EditError(path, f"no YAML ({' '.join(str(error).split())})", "YAML", "Put it right there.") from error
    except RecursionError as error:  # an alias inside what it stands for, or a thousand brackets
        raise EditError(path, "something in it holds itself", "plain values", "Write it without & and *.") from error
    for mapping in mappings:
        name, count = Counter(key.value for key, _ in mapping.value if isinstance(key, yaml.ScalarNode)).most_common(1)[
            0
        ]
        if count > 1:
            last = [key for key, _ in mapping.value if key.value == name][-1]
            where = f"{path}, line {last.start_mark.line + 1}"
            raise EditError(where, f"{name!r} for the second time", "every key once", "Take one of them away.")
    return MarkedYaml(data, root)


def _inside(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    """What a node holds under a key or an index; None where it does not."""
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        held: yaml.Node = node.value[step]
        return held
    return None


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping in a tree."""
    if isinstance(node, yaml.MappingNode):
        if node.value:
            yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)
