"""Reads a policy file into `incidents.policy.Policy`.

What is wrong is named by file, rule and field; a broken file allows nothing.
"""

from pathlib import Path

import yaml
from pydantic import ValidationError

from incidents.canonical import digest_of
from incidents.policy import Effect, Policy, PolicyRule

DEFAULT = Path(__file__).parent / "default.yaml"


class InvalidPolicyError(Exception):
    """A policy file cannot be used; the message says where and what to write instead.

    Until then everything is denied.
    """


def load_policy(path: Path | None = None) -> Policy:
    """The policy of a file, or the one that comes with Midwatch. Raises InvalidPolicyError."""
    source = path or DEFAULT
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidPolicyError(f"{source} cannot be read: {error.strerror}") from error
    return parse_policy(text, source=source.name)


def parse_policy(text: str, *, source: str) -> Policy:
    """The policy of a text. The version is the digest of its meaning: comments and layout do not change it."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidPolicyError(f"{source} is no YAML: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list) or set(document) != {"rules"}:
        raise InvalidPolicyError(f"{source}: write one key `rules` with a list of rows; nothing else stands beside it")
    rules = tuple(_rule(row, where=f"{source}: rule {number}") for number, row in enumerate(document["rules"], start=1))
    version = digest_of([rule.model_dump(mode="json") for rule in rules])
    return Policy(rules=rules, version=version, source=source)


def _rule(row: object, *, where: str) -> PolicyRule:
    if not isinstance(row, dict):
        raise InvalidPolicyError(f"{where}: write a row with name, actions, effect, approvals and approvers")
    try:
        rule = PolicyRule.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidPolicyError(f"{where}: {field}: {first['msg']}") from None
    if problem := _problem(rule):
        raise InvalidPolicyError(f"{where} ({rule.name}): {problem}")
    return rule


def _problem(rule: PolicyRule) -> str | None:
    if rule.until is not None and rule.until.tzinfo is None:
        return "until has no time zone: write it as 2026-12-31T00:00:00Z"
    match rule.effect:
        case Effect.ASK if rule.approvals < 1:
            return (
                "approvals must be at least 1 where the effect is ask; a row that runs without a click is effect: allow"
            )
        case Effect.ASK if not rule.approvers:
            return "approvers is empty: name at least one role"
        case Effect.ALLOW if not rule.actions or not (rule.namespaces or rule.clusters) or rule.until is None:
            return "a pre-approval names its actions, its namespaces or clusters, and the time until which it holds"
        case _:
            return None
