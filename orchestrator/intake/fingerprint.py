"""Alertmanager's fingerprint of a label set, for senders that leave it out.

FNV-1a with 64 bits over `name 0xff value 0xff` of all labels sorted by name, written as 16 hexadecimal digits
(prometheus/common, model/signature.go and fingerprinting.go).
"""

from collections.abc import Mapping

from incidents.ids import Fingerprint

OFFSET = 0xCBF29CE484222325
PRIME = 0x100000001B3
SEPARATOR = b"\xff"
MASK = (1 << 64) - 1


def fingerprint_of(labels: Mapping[str, str]) -> Fingerprint:
    """The fingerprint of a label set."""
    value = OFFSET
    for name in sorted(labels):
        for byte in name.encode() + SEPARATOR + labels[name].encode() + SEPARATOR:
            value = ((value ^ byte) * PRIME) & MASK
    return Fingerprint(f"{value:016x}")
