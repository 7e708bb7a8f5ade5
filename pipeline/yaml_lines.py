"""A YAML file with the line of everything in it, and each number as it was written."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import LimitExceeded, UnderstudyError
from pipeline.limits import bounded_text, limits

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


def read_marked_yaml(path: Path, fault: type[UnderstudyError], wanted: str) -> MarkedYaml:
    """Read a YAML file that people write; nothing but plain values is ever built from it.

    Args:
        fault: the error to raise.
        wanted: what the file should be, such as "a YAML file of sliders".

    Raises:
        UnderstudyError: as `fault`: it cannot be read, is no YAML, or says one key twice, of which YAML would keep the
            last.
        LimitExceeded: it is larger, deeper or says more than a text file may.
    """
    try:
        text = bounded_text(path)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_endless(path, root)
        data = yaml.safe_load(text)
        mappings = list(_mappings(root))
    except OSError as error:
        found = f"it cannot be read ({error.strerror or error})"
        raise fault(path, found, wanted, "Check the path.") from error
    except UnicodeDecodeError as error:
        raise fault(path, "it is not UTF-8", "a text file", "Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise fault(f"{path}{line}", f"no YAML ({error.problem})", "YAML", "Put it right there.") from error
    except yaml.YAMLError as error:
        raise fault(path, f"no YAML ({' '.join(str(error).split())})", "YAML", "Put it right there.") from error
    except RecursionError as error:  # an alias inside what it stands for, or a thousand brackets
        raise fault(path, "something in it holds itself", "plain values", "Write it without & and *.") from error
    for mapping in mappings:
        name, count = Counter(key.value for key, _ in mapping.value if isinstance(key, yaml.ScalarNode)).most_common(1)[
            0
        ]
        if count > 1:
            last = [key for key, _ in mapping.value if key.value == name][-1]
            where = f"{path}, line {last.start_mark.line + 1}"
            raise fault(where, f"{name!r} for the second time", "every key once", "Take one of them away.")
    return MarkedYaml(data, root)


def _refuse_endless(path: Path, root: yaml.Node | None) -> None:
    """Raise LimitExceeded where a small text stands for a huge value: aliases of aliases, brackets in brackets."""
    allowed = limits()
    depth, values = _extent(root, {})
    for name, found, most in (("depth", depth, allowed.depth), ("values", values, allowed.values)):
        if found > most:
            raise LimitExceeded(path, f"{name} is {found}", f"at most {most}", allowed.remedy(name))


def _extent(node: yaml.Node | None, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How deep a tree is and how many values it holds, one that stands in several places counted in each."""
    if not isinstance(node, yaml.CollectionNode):
        return 1, 1
    if id(node) not in known:
        pairs = isinstance(node, yaml.MappingNode)
        inside = [_extent(child, known) for item in node.value for child in (item if pairs else (item,))]
        known[id(node)] = 1 + max((depth for depth, _ in inside), default=0), 1 + sum(count for _, count in inside)
    return known[id(node)]


def _inside(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    """What a node holds under a key or an index; None where it does not."""
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        held: yaml.Node = node.value[step]
        return held
    return None


def _mappings(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping in a tree that holds something, once."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in reversed(node.value)]
            if node.value:
                yield node
        else:
            waiting += reversed(node.value)
