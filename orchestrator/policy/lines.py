"""In which line of a YAML text a field stands, so that a message can name it; and keys that are there twice."""

import yaml

Path = tuple[int | str, ...]


class Lines:
    """The lines of one text. Raises yaml.YAMLError for what is no YAML."""

    def __init__(self, text: str, *, source: str) -> None:
        self.source = source
        self.names: set[str] = set()
        """Every key that occurs: other parts of a location are not the text's."""
        self.twice = ""
        """Where a key is repeated in its mapping: `policy.yaml:7: effect`."""
        self._found: dict[Path, int] = {}
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            self._walk(root, ())

    def of(self, location: Path) -> str:
        """`policy.yaml:12` for the field, or for the nearest thing that holds it."""
        for length in range(len(location), -1, -1):
            line = self._found.get(location[:length])
            if line is not None and length:
                return f"{self.source}:{line}"
        return self.source

    def _walk(self, node: yaml.Node, path: Path) -> None:
        self._found.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._walk(item, (*path, number))
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                if name in seen and not self.twice:
                    self.twice = f"{self.source}:{key.start_mark.line + 1}: {name}"
                seen.add(name)
                self.names.add(name)
                self._found[(*path, name)] = key.start_mark.line + 1
                self._walk(value, (*path, name))


def unreadable(source: str, error: Exception) -> str:
    """What is no YAML, in one line: where it stands, and what usually is wrong."""
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    why = getattr(error, "problem", None) or str(error)
    hint = 'look at indentation and brackets; text with ": " or "#" stands in quotes'
    return f"{source}{line} is no YAML ({why}): {hint}"
