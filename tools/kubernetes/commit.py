"""Which commit a template was built from, read from where teams usually write it."""

import re
from collections.abc import Mapping

_KEYS = (
    "org.opencontainers.image.revision",
    "app.kubernetes.io/commit",
    "git-commit",
    "git.commit",
    "commit-sha",
    "commit",
    "git-sha",
    "git_sha",
    "gitcommit",
    "revision",
)
"""Endings of annotation and label keys that name a commit, most explicit first."""
_SHA = re.compile(r"[0-9a-f]{7,40}")
_IN_TAG = re.compile(r"(?:^|[-_.+]|\bg|sha-)(?P<sha>[0-9a-f]{7,40})$")


def commit_of(annotations: Mapping[str, str], labels: Mapping[str, str], images: tuple[str, ...]) -> str:
    """The commit in lowercase hex, shortened or whole; empty when nothing names one."""
    marks = {**labels, **annotations}
    for ending in _KEYS:
        for key, value in marks.items():
            if key.lower().endswith(ending) and _SHA.fullmatch(value.lower()):
                return value.lower()
    return _from_version(marks) or next((sha for image in images if (sha := _from_tag(image))), "")


def _from_version(marks: Mapping[str, str]) -> str:
    version = marks.get("app.kubernetes.io/version", "").lower()
    return version if _SHA.fullmatch(version) and _mixed(version) else ""


def _from_tag(image: str) -> str:
    """A tag that is a commit or ends in one (`main-8f2c1d7`, `v1.4.0-3-g8f2c1d7`); digits alone are a build number."""
    if "@" in image:
        image = image.split("@", 1)[0]
    tag = image.rsplit("/", 1)[-1].partition(":")[2].lower()
    match = _IN_TAG.search(tag)
    return match["sha"] if match and _mixed(match["sha"]) else ""


def _mixed(text: str) -> bool:
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)
