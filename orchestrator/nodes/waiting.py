"""What waiting nodes have in common: they read the store and interrupt until it says that they may go on."""

from incidents.ids import ProposalDigest
from orchestrator.state import State


def proposal_in(state: State) -> ProposalDigest:
    """The digest that this thread works on. Raises KeyError before there is a proposal: then an edge is wrong."""
    digest = state.get("proposal")
    if digest is None:
        raise KeyError("this node needs a proposal: the graph's edges lead here too early")
    return digest
