"""The version of the graph that new incidents are given. A thread is only resumed by a graph that knows its version."""

GRAPH_VERSION = "1"
