"""Identifiers, one type each, so that a bare string cannot be passed where another id is meant."""

from typing import NewType

IncidentId = NewType("IncidentId", str)
"""`inc-` and 12 lowercase base32 characters; also the LangGraph thread id."""

EntityId = NewType("EntityId", str)
"""`cluster/namespace/kind/name`; `-` stands for no namespace. See `incidents.entity`."""

Fingerprint = NewType("Fingerprint", str)
"""Alertmanager's fingerprint of an alert's label set: 16 hexadecimal digits."""

EvidenceId = NewType("EvidenceId", str)
"""`ev-` and 16 hexadecimal digits of the digest of source, query, window and body: same observation, same id."""

FactId = NewType("FactId", str)
FactKind = NewType("FactKind", str)
"""`domain.what_is_so` in lowercase, for example `container.oom_killed`."""

FindingId = NewType("FindingId", str)
QuestionId = NewType("QuestionId", str)
CauseSlug = NewType("CauseSlug", str)
"""Snake case, for example `memory_limit_too_low`: the `cause:` of a runbook."""

ActionKind = NewType("ActionKind", str)
"""Snake case name of an action's file under `tools/<system>/actions/`."""

ProposalDigest = NewType("ProposalDigest", str)
"""`sha256:` and 64 hexadecimal digits over the canonical form of a proposal."""

DecisionId = NewType("DecisionId", str)
PersonId = NewType("PersonId", str)
"""Stable identity of a human: an e-mail address, or `token:<name>` for an API token."""

Digest = NewType("Digest", str)
"""`sha256:` and 64 hexadecimal digits over bytes."""

KeyId = NewType("KeyId", str)
"""`ed25519:` and the first 16 hexadecimal digits of the SHA-256 of the raw public key."""
