"""Why a container could not be started, from what runc, crun, containerd and CRI-O say. Pure."""

import re

from incidents.value import Value

_COMMAND = re.compile(r'exec:? \\?"(?P<command>[^"\\]+)')
_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (found, re.compile(pattern, re.IGNORECASE))
    for found, pattern in (
        (
            "volume_mount",
            (
                r"error mounting|failed to (?:make|create) .*mount|not a directory: Are you trying to mount|subPath"
                r"|read-only file system.*mount|mount .* no such file"
            ),
        ),
        (
            "command_not_found",
            r"executable file not found|exec.*no such file or directory|command not found|stat .*: no such file",
        ),
        ("permission_denied", r"permission denied|operation not permitted"),
        ("wrong_platform", r"exec format error"),
        ("out_of_memory", r"cannot allocate memory|container init was OOM-killed|memory limit too low"),
        ("cgroup", r"cgroup"),
        ("name_in_use", r"failed to reserve container name|name .* is reserved|already in use"),
        ("deadline", r"context deadline exceeded|DeadlineExceeded"),
        ("runtime", r"failed to create shim|ttrpc|connection refused|containerd"),
    )
)


class StartError(Value):
    """The class of a start error, and the command when it names one."""

    message_class: str
    command: str = ""


def start_error(message: str) -> StartError:
    """Read a message of RunContainerError, StartError, CreateContainerError or ContainerCannotRun."""
    found = next((name for name, pattern in _CLASSES if pattern.search(message)), "other")
    match = _COMMAND.search(message)
    return StartError(message_class=found, command=match["command"] if match else "")
