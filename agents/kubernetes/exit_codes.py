"""What exit codes say. Source: the shell's conventions (126, 127, 128 + signal) as container runtimes pass them on."""

from incidents.value import Value

_SIGNALS = {
    4: ("SIGILL", "illegal instruction: often an image for another CPU"),
    6: ("SIGABRT", "it aborted itself: a failed assertion or the like"),
    7: ("SIGBUS", "bus error"),
    8: ("SIGFPE", "arithmetic error"),
    9: ("SIGKILL", "killed by force"),
    11: ("SIGSEGV", "memory access violation"),
    13: ("SIGPIPE", "broken pipe"),
    15: ("SIGTERM", "asked to end"),
}
_CODES = {
    126: "the command is not executable",
    127: "the command was not found",
    128: "invalid exit status",
    255: "exit status out of range",
}
_SIGNAL_BASE, _SIGNAL_MOST = 128, 64
_KILL, _TERM = 137, 143


class ExitMeaning(Value):
    """A code in words; both are empty for codes that belong to the program alone."""

    signal: str = ""
    text: str = ""


def meaning_of(code: int) -> ExitMeaning:
    """What a code says beyond `the program said so`."""
    if code in _CODES:
        return ExitMeaning(text=_CODES[code])
    number = code - _SIGNAL_BASE
    if 0 < number <= _SIGNAL_MOST:
        signal, text = _SIGNALS.get(number, (f"signal {number}", f"ended by signal {number}"))
        return ExitMeaning(signal=signal, text=f"{signal}, {text}")
    return ExitMeaning()


def stopped_by_kubelet(code: int) -> bool:
    """Whether the code is what a container leaves that the kubelet stopped (probe, eviction, rollout)."""
    return code in (_KILL, _TERM)
