"""The policy in force in one process, and the look at its files that takes up a new one without a restart.

A changed policy counts only whole: it was read twice alike (nobody is still writing it), and lint lets it pass.
Until then, and when its files are broken or gone, the one before stays in force and `problem` says why. Files are found
by what they say, not by their times: a ConfigMap exchanges a symbolic link.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from incidents.ids import Digest
from incidents.policy import Policy
from incidents.value import Value
from orchestrator.policy.load import InvalidPolicyError, bounded, load_policy, main_file, policy_files


class Changed(Value):
    """Files that say something else now, and can be used."""

    policy: Policy
    before: Digest
    after: Digest


class Refused(Value):
    """Files that say something else now, and cannot be used; `in_force` stays."""

    problem: str
    """With file and line, and what to write instead."""
    in_force: Digest


class Mended(Value):
    """Files that could not be used say again what is in force."""

    in_force: Digest


Seen = Changed | Refused | Mended


class PolicyInForce:
    """What a process decides by. Raises InvalidPolicyError at the beginning: there is none before it to keep."""

    def __init__(self, path: Path | None) -> None:
        """Read the policy; `path` as in the settings."""
        self._path = path
        self._known = _contents(path)
        """What the files said that were looked at last, used or not."""
        self._unsettled: Mapping[str, str] | None = None
        """What they said at the last look, when that was new: it counts when they still say it at the next."""
        self.current: Policy = load_policy(path)
        """Exchanged as a whole: who holds it works by it to the end of what they do."""
        self._main = {str(main_file(path))}
        """The rows. A folder without them extends what is shipped: no file that got lost is to lead there."""
        self.problem = ""
        """Why what the files say is not in force."""

    def look(self) -> Seen | None:
        """What the files say that is new since it was last told. Reads files; takes nothing up."""
        contents = _contents(self._path)
        if contents == self._known:
            self._unsettled = None
            return None
        if contents != self._unsettled:
            self._unsettled = contents
            return None
        seen = self._read()
        if _contents(self._path) != contents:  # Written while it was read.
            self._unsettled = None
            return None
        return seen

    def _read(self) -> Seen:
        if gone := sorted(self._main - set(_contents(self._path))):
            problem = f"{gone[0]} is gone: put it back, or restart to decide by what is there"
            return Refused(problem=problem, in_force=self.current.version)
        try:
            found = load_policy(self._path)
        except InvalidPolicyError as error:
            return Refused(problem=str(error), in_force=self.current.version)
        if found.version == self.current.version:
            return Mended(in_force=found.version)
        return Changed(policy=found, before=self.current.version, after=found.version)

    def take(self, seen: Seen) -> None:
        """Let it count, once it is recorded."""
        if isinstance(seen, Changed):
            self.current = seen.policy
        self.problem = seen.problem if isinstance(seen, Refused) else ""
        self._known, self._unsettled = self._unsettled or self._known, None


def _contents(path: Path | None) -> Mapping[str, str]:
    """Digest of each file by name; a file that cannot be read has a digest of its own."""
    return {str(file): _digest(file) for file in policy_files(path)}


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(bounded(file)).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
