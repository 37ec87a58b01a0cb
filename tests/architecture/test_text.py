"""What no tracked file may say: where it was written, where packages come from, or the names of public benchmarks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# One letter of each stands in brackets, so that this file does not find itself.
FORBIDDEN = {
    "a folder of the machine it was written on": r"(?<![\w.$}/-])/(?:wor[k]|roo[t]|home/\w+|Users/\w+)/",
    "a package registry": r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|proxy\.go[l]ang\.org",
    "a package index": r"--(?:extra-)?index-ur[l]|--find-link[s]",
    "a lock of one tool": r"\buv\.loc[k]\b",
}
# Logic must not know the systems of the data sets that judge it; the adapters in evals/datasets are named after theirs.
DATASET_NAMES = re.compile(
    "bouti[q]ue|sock-?sho[p]|petsho[p]|train-?ticke[t]|productcatalo[g]|rcaeva[l]|rootcausebenc[h]|opsbenc[h]",
    re.IGNORECASE,
)


def lines(path: Path) -> list[str]:
    """The lines of a text file; nothing for a binary one."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names(what: str, tracked: list[Path]) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked
        for number, line in enumerate(lines(path), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_product_does_not_know_the_systems_it_is_judged_by(tracked: list[Path]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in tracked
        if path.relative_to(ROOT).parts[0] in {"agents", "incidents", "orchestrator", "runbooks", "service", "tools"}
        for number, line in enumerate(lines(path), start=1)
        if DATASET_NAMES.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pinned_package_has_a_hash(lock: str) -> None:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==\S+(.*)", (ROOT / lock).read_text().replace("\\\n", " "), re.MULTILINE)
    assert len(pins) > 100
    assert [name for name, rest in pins if "--hash=sha256:" not in rest] == []


def test_both_locks_pin_the_same_versions() -> None:
    pinned = [
        set(re.findall(r"^([A-Za-z0-9._-]+==[^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in ("requirements.lock", "requirements-dev.lock")
    ]
    assert pinned[0] <= pinned[1]
