"""The life of an incident as one graph: nodes and edges, nothing else. Reads aloud like the pipeline in the design.

Names of waiting nodes (`await_*`) are kept for ever: a thread that waits in a node that was renamed never wakes.
"""

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from incidents.finding import AgentName
from orchestrator.context import Context
from orchestrator.nodes import argue, conclude, decide, plan, postmortem, run, specialist, supervise, triage, verify
from orchestrator.state import Errand, State

SPECIALISTS = (AgentName.KUBERNETES, AgentName.CICD, AgentName.OBSERVABILITY, AgentName.COST)


def build(checkpointer: BaseCheckpointSaver[str] | None) -> CompiledStateGraph[State, Context, State, State]:
    """Compile the graph."""
    graph: StateGraph[State, Context, State, State] = StateGraph(State, context_schema=Context)

    graph.add_node("triage", triage.triage)
    graph.add_node(
        "supervise", supervise.supervise, destinations=(*(name.value for name in SPECIALISTS), "plan", "conclude")
    )
    for name in SPECIALISTS:
        graph.add_node(name.value, specialist.work, input_schema=Errand)
    graph.add_node("diagnose", argue.diagnose)
    graph.add_node("challenge", argue.challenge)
    graph.add_node("plan", plan.plan, destinations=("rehearse", "conclude"))
    graph.add_node("rehearse", plan.rehearse)
    graph.add_node("await_rehearsal", plan.await_rehearsal, destinations=("govern", "conclude"))
    graph.add_node("govern", decide.govern, destinations=("announce", "conclude", "plan"))
    graph.add_node("announce", decide.announce)
    graph.add_node("await_decision", decide.await_decision, destinations=("execute", "plan", "triage", "conclude"))
    graph.add_node("execute", run.execute, destinations=("await_execution", "conclude"))
    graph.add_node("await_execution", run.await_execution, destinations=("verify", "plan", "conclude"))
    graph.add_node("verify", verify.verify)
    graph.add_node("await_verification", verify.await_verification)
    graph.add_node("conclude", conclude.conclude)
    graph.add_node("postmortem", postmortem.write)

    graph.add_edge(START, "triage")
    graph.add_edge("triage", "supervise")
    for name in SPECIALISTS:
        graph.add_edge(name.value, "diagnose")
    graph.add_edge("diagnose", "challenge")
    graph.add_edge("challenge", "supervise")
    graph.add_edge("rehearse", "await_rehearsal")
    graph.add_edge("announce", "await_decision")
    graph.add_edge("verify", "await_verification")
    graph.add_edge("await_verification", "conclude")
    graph.add_edge("conclude", "postmortem")
    graph.add_edge("postmortem", END)
    return graph.compile(checkpointer=checkpointer)
