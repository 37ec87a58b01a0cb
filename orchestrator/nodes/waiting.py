"""What waiting nodes have in common: they read the store and interrupt until it says that they may go on."""

from incidents.ids import ProposalDigest
from orchestrator.state import State


def proposal_in(state: State) -> ProposalDigest:
    """The digest that this thread works on. Raises KeyError before there is a proposal: then an edge is wrong."""
    digest = state.get("proposal")
    if digest is None:
        raise KeyError("this node needs a proposal: the graph's edges lead here too early")
    return digest


MOST_PROPOSALS = 3
"""Fresh proposals for a target that keeps changing, or a person who wants another, before people look themselves."""


def may_try_again(state: State) -> bool:
    """Whether one more proposal may be made in this incident."""
    return state.get("attempt", 0) - state.get("narrowed", 0) < MOST_PROPOSALS
