"""Folders of runbooks: precedence, re-reading, and what stands while a file is broken."""

import os
from pathlib import Path

import pytest

from agents.runbooks.folders import RunbookFolders

TEXT = (
    "---\ntitle: {title}\ncause: {cause}\nscope: workload\nfacts:\n  must: [container.oom_killed]\n---\n## Meaning\nx\n"
)


def write(path: Path, text: str, *, at: int) -> None:
    """Write with a modification time of its own, as the clock of a file system may stand still during a test."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(at, at))


@pytest.fixture(name="ours")
def _ours(tmp_path: Path) -> Path:
    write(tmp_path / "ours" / "oom.md", TEXT.format(title="Ours", cause="oom"), at=1)
    write(tmp_path / "ours" / "README.md", "# Not a runbook", at=1)
    return tmp_path / "ours"


def titles(folders: RunbookFolders) -> dict[str, str]:
    return {runbook.slug: runbook.title for runbook in folders.library().runbooks}


def test_a_later_folder_overrides_by_slug_and_by_cause(ours: Path, tmp_path: Path) -> None:
    write(tmp_path / "theirs" / "deep" / "oom.md", TEXT.format(title="Theirs", cause="oom_other"), at=1)
    assert titles(RunbookFolders([ours, tmp_path / "theirs"])) == {"oom": "Theirs"}
    write(tmp_path / "third" / "other-name.md", TEXT.format(title="Third", cause="oom"), at=1)
    assert titles(RunbookFolders([ours, tmp_path / "third"])) == {"other-name": "Third"}


def test_a_mounted_configmap_is_read_once_and_hidden_files_not_at_all(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    write(mount / "..2026_11_17" / "oom.md", TEXT.format(title="Mounted", cause="oom"), at=1)
    (mount / "..data").symlink_to("..2026_11_17", target_is_directory=True)
    (mount / "oom.md").symlink_to("..data/oom.md")
    write(mount / ".oom.md", TEXT.format(title="An editor's copy", cause="oom"), at=1)
    folders = RunbookFolders([mount])
    assert titles(folders) == {"oom": "Mounted"}
    assert folders.problems == (), "a second copy would be a duplicate"


def test_a_changed_a_new_and_a_removed_file_are_noticed(ours: Path) -> None:
    folders = RunbookFolders([ours])
    first = folders.library()
    assert folders.library() is first
    write(ours / "oom.md", TEXT.format(title="Newer", cause="oom"), at=2)
    write(ours / "leak.md", TEXT.format(title="Leak", cause="leak"), at=2)
    assert titles(folders) == {"oom": "Newer", "leak": "Leak"}
    (ours / "oom.md").unlink()
    assert titles(folders) == {"leak": "Leak"}


def test_the_last_good_version_stands_while_a_file_is_broken(ours: Path) -> None:
    folders = RunbookFolders([ours])
    folders.library()
    write(ours / "oom.md", "---\ntitle: [\n---\n", at=2)
    assert titles(folders) == {"oom": "Ours"}
    assert ["not YAML" in str(p) or "last version" in str(p) for p in folders.problems] == [True, True]
    write(ours / "oom.md", TEXT.format(title="Mended", cause="oom"), at=3)
    assert titles(folders) == {"oom": "Mended"}
    assert folders.problems == ()


def test_a_file_that_was_never_good_is_reported_and_left_out(ours: Path) -> None:
    (ours / "latin.md").write_bytes(b"# caf\xe9\n")
    write(ours / "huge.md", "x" * 300_000, at=1)
    folders = RunbookFolders([ours])
    assert titles(folders) == {"oom": "Ours"}
    assert sorted(str(p).split(": ", 3)[2].split(":")[0] for p in folders.problems) == [
        "it cannot be read",
        "it has 300000 bytes",
    ]


def test_two_files_of_one_folder_with_one_cause_are_a_mistake(ours: Path) -> None:
    write(ours / "twin.md", TEXT.format(title="Twin", cause="oom"), at=1)
    folders = RunbookFolders([ours])
    folders.library()
    (problem,) = folders.problems
    assert "oom is already taught by" in problem.message
    assert (Path(problem.path).name, problem.line) == ("twin.md", 3)


def test_a_folder_that_is_not_there_is_said_and_the_others_are_read(ours: Path, tmp_path: Path) -> None:
    folders = RunbookFolders([tmp_path / "nowhere", ours])
    assert titles(folders) == {"oom": "Ours"}
    assert "no such folder" in str(folders.problems[0])


def test_a_file_in_the_place_of_a_folder_is_told_its_folder(ours: Path) -> None:
    folders = RunbookFolders([next(ours.glob("*.md"))])
    folders.library()
    assert f"name the folder: {ours}" in str(folders.problems[0])
