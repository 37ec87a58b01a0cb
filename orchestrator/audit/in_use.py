"""The ledger in use, checked and signed for a command; what the database says when it is not there becomes ours."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from incidents.heads import SignedHead
from incidents.ids import Digest
from orchestrator.assembly import open_store
from orchestrator.audit.keys import Keyring, UnusableKeyError
from orchestrator.audit.places import UnreadableHeadsError, heads_file, read_heads
from orchestrator.audit.signing import BrokenLedgerError, open_notary
from orchestrator.ledger import Audit, UnreachableLedgerError, verify_ledger
from orchestrator.settings import Settings
from orchestrator.store.database import Store


class NotSignedError(Exception):
    """The head was not signed now; the message says why."""


async def check_in_use(
    settings: Settings,
    *,
    trusted: Keyring,
    heads: Sequence[tuple[str, SignedHead]],
    head: Digest | None,
) -> Audit:
    """The check of the ledger in use, held against heads given and those of this machine.

    Raises UnreachableLedgerError, UnreadableHeadsError.
    """
    try:
        async with open_store(settings) as store:
            own = heads_file(settings, store.url)
            kept = [(str(own), signed) for signed in read_heads(own)] if own.is_file() else []
            return await verify_ledger(store, trusted=trusted, heads=[*heads, *kept], head=head)
    except SQLAlchemyError as error:
        raise UnreachableLedgerError(f"the database cannot be read: {error}") from error


async def sign_now(store: Store, settings: Settings, *, now: datetime) -> None:
    """Sign the head, so that what is exported next leads to it. Raises NotSignedError."""
    try:
        await (await open_notary(store, settings)).sign(now)
    except (BrokenLedgerError, UnusableKeyError, UnreadableHeadsError, SQLAlchemyError) as error:
        raise NotSignedError(str(error)) from error
