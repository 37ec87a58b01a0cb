"""How strings are quoted in PromQL, in label sets and in error messages."""


def quote(text: str) -> str:
    """Quote as Go's `%q` does for the characters that occur in label values."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
