"""Attacks on what decides: the policy's files, pre-approvals, people and their look-alikes, the order of things."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from incidents.execution import ExecutionStatus
from incidents.incident import Phase
from incidents.ledger import EntryKind
from incidents.policy import OpaServer
from incidents.proposal import ProposalStatus
from orchestrator.decisions import set_paused
from orchestrator.executor.assembly import executor_handlers
from orchestrator.executor.running import run
from orchestrator.jobs import Job, Task
from orchestrator.ledger import verify_ledger
from orchestrator.oidc_settings import Oidc
from orchestrator.people import Claims, Directory
from orchestrator.policy.force import Changed, PolicyInForce, Refused
from orchestrator.policy.load import InvalidPolicyError, load_policy, parse_policy
from orchestrator.policy.watching import look_once
from orchestrator.store.executions import plan_executions
from orchestrator.store.ledger import kinds_of
from orchestrator.store.proposals import proposal_by, set_proposal_status
from orchestrator.store.standing import uses
from service.web.oidc import Provider, SignInError
from service.web.pages.sign_in import redeemed
from tests.attacks.attack import attack
from tests.attacks.conftest import Web
from tests.attacks.ground import approved, house, nothing_ran
from tests.attacks.test_reach import answering
from tests.attacks.test_records import tamper
from tests.incidents.making import person
from tests.orchestrator.executor.sealing import row, sealed
from tests.orchestrator.executor.test_policy_again import under
from tests.orchestrator.executor.test_preapproval_uses import NAME, ONCE, pre_approved
from tests.orchestrator.policy.asking import ASK_ALL, folder
from tests.orchestrator.staging import Stage, another_executor
from tests.service.web.serving import TOKENS, web_context, web_settings
from tests.service.web.signing import csrf_of, sign_in
from tools.opa.client import ask

MILDER = """
rules:
  - name: anything goes
    actions: ["*"]
    clusters: ["*"]
    effect: allow
    until: 2099-01-01T00:00:00Z
    signed_by: mallory@example.com
    reason: It is always fine.
"""


@attack(
    "policy-swapped",
    "The policy's file is exchanged for a milder one while a change waits",
    tried="policy.yaml becomes a symbolic link to a policy of the attacker's, under a process that runs",
    stopped="the ledger has both versions before the new one counts; what was approved under the old one does not run",
)
async def test_policy_swapped(on: Stage, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "elsewhere.yaml").write_text(MILDER)
    on = under(on, folder(tmp_path / "own", ASK_ALL))
    before, proposal = on.generation(), await approved(on)
    policies = PolicyInForce(tmp_path / "own")
    (tmp_path / "own" / "policy.yaml").unlink()
    (tmp_path / "own" / "policy.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    seen = [await look_once(policies, on.store) for _ in range(2)]
    assert [type(one) for one in seen] == [type(None), Changed]
    executor = replace(on.executor, policies=policies)
    await executor_handlers(executor)[Task.EXECUTE](
        Job(task=Task.EXECUTE, incident=proposal.body.incident, item=proposal.digest)
    )
    await nothing_ran(on, proposal, generation=before, why="the policy changed since it was proposed")
    async with on.store.transaction() as tx:
        [entry] = await kinds_of(tx, EntryKind.POLICY_CHANGED)
    assert (entry.payload["before"], entry.payload["after"]) == (proposal.body.policy.version, policies.current.version)


@attack(
    "policy-loosened",
    "A pre-approval is written for what people were asked about",
    tried="sealed as one approval needed; then the policy allows everything, the status is set, and the executor comes",
    stopped="the verdict that was sealed asks for people; a milder policy takes none of them away",
)
async def test_policy_loosened(on: Stage, tmp_path: Path) -> None:
    before, proposal = on.generation(), await sealed(on)
    async with on.store.transaction() as tx:
        waiting = (ProposalStatus.PENDING,)
        await set_proposal_status(tx, proposal.digest, to=ProposalStatus.APPROVED, sources=waiting, now=on.clock.now())
        await plan_executions(tx, proposal, now=on.clock.now())
    milder = folder(tmp_path, MILDER).model_copy(update={"version": proposal.body.policy.version})
    await nothing_ran(under(on, milder), proposal, generation=before, why="it has 0 of 1 approvals")


@attack(
    "policy-without-end",
    "The policy's file is made one that is never read to its end",
    tried="policy.yaml leads to /dev/zero, to a pipe that nobody writes into, to a folder, and to 2 MB of comments",
    stopped="regular files of a bounded size are read, nothing else; the policy before stays in force",
)
@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "large"])
def test_policy_without_end(kind: str, tmp_path: Path) -> None:
    file, trap = tmp_path / "policy.yaml", tmp_path / "trap"
    file.write_text(ASK_ALL)
    policies = PolicyInForce(tmp_path)
    match kind:
        case "device":
            trap = Path("/dev/zero")
        case "pipe":
            os.mkfifo(trap)
        case "folder":
            trap.mkdir()
        case _:
            trap.write_text("# nothing\n" * 200_000 + ASK_ALL)
    file.unlink()
    file.symlink_to(trap)
    assert policies.look() is None
    seen = policies.look()
    assert isinstance(seen, Refused), seen
    assert "cannot be read" in seen.problem
    with pytest.raises(InvalidPolicyError, match="cannot be read"):
        load_policy(tmp_path)


@attack(
    "preapproval-shared",
    "Two changes share the last use of a pre-approval",
    tried="two incidents, two executors at once, one use; then the same proposal once more",
    stopped="a use is taken under a lock, in the transaction that grants the execution",
)
async def test_preapproval_shared(on: Stage, tmp_path: Path) -> None:
    policy = folder(tmp_path, ONCE)
    on = under(on, policy)
    one, other = [await pre_approved(on, name, f"inc-{name}0000") for name in ("checkout", "cart")]
    async with another_executor(on, policy=policy) as second, asyncio.TaskGroup() as group:
        group.create_task(run(on.executor, one.digest))
        group.create_task(run(second, other.digest))
    for made in (one, other):
        await run(on.executor, made.digest)
    found = [(await row(on, made)).status for made in (one, other)]
    assert sorted(found) == [ExecutionStatus.REFUSED, ExecutionStatus.SUCCEEDED]
    async with on.store.transaction() as tx:
        assert await uses(tx) == {NAME: 1}


@attack(
    "pause-races-approval",
    "A change slips through while somebody pulls the kill switch",
    tried="the last approval, the pause and the executor at the same moment",
    stopped="the switch is read in the transaction that dispatches: by the ledger, nothing begins after the pause",
)
async def test_pause_races_approval(on: Stage) -> None:
    proposal = await sealed(on)

    async def execute() -> None:
        for _ in range(4):
            await run(on.executor, proposal.digest)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        group.create_task(on.decide(proposal.digest))
        group.create_task(
            set_paused(on.store, paused=True, person=person("eve", "oncall"), reason="stop", now=on.clock.now())
        )
        group.create_task(execute())
    generation = on.generation()
    await run(on.executor, proposal.digest)
    assert on.generation() == generation, "once paused, nothing begins"
    async with on.store.transaction() as tx:
        [paused] = await kinds_of(tx, EntryKind.PAUSED)
        begun = [entry.seq for entry in await kinds_of(tx, EntryKind.DISPATCHED)]
    assert all(seq < paused.seq for seq in begun)


@attack(
    "decision-about-another",
    "A page shows one incident and its button decides another",
    tried="the form of one incident is posted with the digest of another one's proposal",
    stopped="a decision on a page counts for that page's incident only",
)
async def test_decision_about_another(web: Web) -> None:
    shown = await web.book.reach(Phase.INVESTIGATING, group="cart")
    other = await web.book.reach(Phase.AWAITING_DECISION)
    async with web.client as client:
        await sign_in(client, "dana")
        form = {"digest": web.book.digest, "choice": "approve", "csrf": await csrf_of(client, f"/incidents/{shown}")}
        answer = await client.post(f"/incidents/{shown}/decision", data=form)
        assert answer.status_code == httpx.codes.CONFLICT
        async with web.context.store.transaction() as tx:
            assert (await proposal_by(tx, web.book.digest)).status is ProposalStatus.PENDING
        answer = await client.post(f"/incidents/{other}/decision", data=form)
    assert answer.status_code == httpx.codes.SEE_OTHER, "the control: on its own page the same form counts"


@attack(
    "role-taken-away",
    "Somebody approves whose role was taken away after the page was opened",
    tried="signed in as on-call, the page open; then the directory says viewer; then the click, with the old session",
    stopped="a session names a person; roles are read from the directory at every click",
)
async def test_role_taken_away(web: Web, tmp_path: Path) -> None:
    people = tmp_path / "people.yaml"
    line = "people: [{name: Eve, email: eve@example.com, roles: [%s], token_sha256: [%s]}]\n"
    hashed = "9e38cc8bf3cb7c147302f3e620528002e9dcae82adbeedb9bd1f3b2b1e2b2d4b"
    people.write_text(line % ("viewer, oncall", hashed))
    directory = Directory.of(web_settings(directory=str(people)))
    web.context.identities.directory = directory
    eve = directory.by_claims(Claims(subject="", email="eve@example.com"))
    assert eve is not None
    incident = await web.book.reach(Phase.AWAITING_DECISION)
    async with web.client as client:
        client.cookies.set("midwatch", web.context.identities.cookie(eve))
        form = {"digest": web.book.digest, "choice": "approve", "csrf": await csrf_of(client, f"/incidents/{incident}")}
        people.write_text(line % ("viewer", hashed) + "# changed\n")
        answer = await client.post(f"/incidents/{incident}/decision", data=form)
    assert answer.status_code == httpx.codes.FORBIDDEN
    async with web.context.store.transaction() as tx:
        assert (await proposal_by(tx, web.book.digest)).status is ProposalStatus.PENDING


@attack(
    "lookalike-person",
    "Somebody has an address that looks like, or is folded into, that of a person on call",
    tried="Cyrillic letters, the Kelvin sign for k, the long s, full-width letters and a zero-width space, verified by the provider",
    stopped="nothing but the case of ASCII letters is folded: another address is another person",
)
@pytest.mark.parametrize(
    "email",
    [
        *("sre.\u043aim@example.com", "sre.\u212aim@example.com", "\u017fre.kim@example.com"),
        *("\uff53re.kim@example.com", "sre.kim\u200b@example.com", "sre.kim@ex\u0430mple.com"),
    ],
)
def test_lookalike_person(email: str, tmp_path: Path) -> None:
    people = tmp_path / "people.yaml"
    people.write_text("people: [{name: Kim, email: sre.kim@example.com, roles: [oncall]}]\n")
    directory = Directory.of(web_settings(directory=str(people)))
    assert directory.by_claims(Claims(subject="u-9", email=email)) is None
    assert directory.by_slack("U99", email=email) is None
    found = directory.by_claims(Claims(subject="u-9", email="SRE.Kim@example.com"))
    assert found is not None, "the control: case does not matter"


@attack(
    "link-used-twice",
    "A printed sign-in link is used on two replicas at once",
    tried="eight requests with the same link, half at each of two processes with the same secret",
    stopped="its use is a row of the database, and the first one has it",
)
async def test_link_used_twice(web: Web) -> None:
    settings = web_settings(session_secret="the-secret-of-both-replicas")
    replicas = [web_context(web.context.store, settings, web.context.clock) for _ in range(2)]
    code = replicas[0].identities.one_time_code(settings.people[0].person)
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(redeemed(replica, code)) for replica in replicas * 4]
    assert sum(one.result() is not None for one in tries) == 1


@attack(
    "opa-at-a-metadata-service",
    "The policy names a metadata service as its OPA server",
    tried="four spellings in policy.yaml, and one past its reader",
    stopped="the policy cannot be used; the client denies without asking",
)
async def test_opa_at_a_metadata_service() -> None:
    spellings = ("http://169.254.169.254", "HTTP://metadata.google.internal", "http://2852039166", "http://[fe80::1]")
    for url in spellings:
        with pytest.raises(InvalidPolicyError, match="opa: url"):
            parse_policy(f"{ASK_ALL}opa: {{url: '{url}'}}\n", source="policy.yaml")
    [denial] = (await ask(OpaServer(url=spellings[0]), {})).denials
    assert "write the address of the system itself" in denial.why


@attack(
    "provider-that-changes",
    "The identity provider's name means a metadata service by now (DNS rebinding)",
    tried="a name server that answers with a good address first and with the metadata service from then on",
    stopped="a name is judged at every connection, and the connection goes to the judged address",
)
async def test_provider_that_changes() -> None:
    answers: list[Sequence[str]] = [["127.0.0.1"], ["169.254.169.254"]]

    async def names(host: str, port: int) -> Sequence[str]:
        del host, port
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async with answering() as (url, asked):
        issuer = url.replace("127.0.0.1", "localhost")
        settings = Oidc(issuer=issuer, client_id="midwatch")
        provider = Provider(settings, redirect_uri="http://midwatch.test/callback", resolver=names)
        with pytest.raises(SignInError, match=r"not known|does not describe|does not answer"):
            await provider.begin(next_path="/")
        assert asked == ["/.well-known/openid-configuration"], "the control: the good address was asked"
        with pytest.raises(SignInError, match=r"localhost leads to 169\.254\.169\.254"):
            await provider.begin(next_path="/")
    assert len(asked) == 1


@attack(
    "ledger-rolled-back",
    "The ledger is rolled back to an earlier state, with the head that was good then",
    tried="the trigger is taken off; everything after an old entry is deleted, and its head is shown as the newest",
    stopped="a later head that was kept elsewhere does not occur any more",
)
async def test_ledger_rolled_back(web: Web) -> None:
    await web.book.reach(Phase.AWAITING_DECISION)
    store = web.context.store
    old = await verify_ledger(store)
    await set_paused(store, paused=True, person=person("dana", "oncall"), reason="stop", now=web.context.clock.now())
    kept = (await verify_ledger(store)).head
    await tamper(store, f"DELETE FROM ledger WHERE seq > {old.entries}")
    assert (await verify_ledger(store, head=old.head)).intact, "the control: the old head fits"
    assert not (await verify_ledger(store, head=kept)).intact


@attack(
    "token-in-an-address",
    "A token in an address is taken for a sign-in, and stays in logs and histories",
    tried="a person's token as a query parameter of the API and of a page, and as a printed link's code",
    stopped="tokens are read from the header and the form only",
)
async def test_token_in_an_address(on: Stage) -> None:
    async with httpx.AsyncClient(base_url=house(on), timeout=60, follow_redirects=False) as client:
        for path in ("/api/v1/incidents", "/"):
            for name in ("token", "access_token", "api_key"):
                answer = await client.get(path, params={name: TOKENS["dana"]})
                assert answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.SEE_OTHER)
        answer = await client.get("/sign-in", params={"token": TOKENS["dana"]})
        assert "set-cookie" not in answer.headers
    async with on.store.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM used_once"))).scalar() == 0
