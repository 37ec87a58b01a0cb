"""The nodes of the graph. Each may run again after a crash: what it writes is keyed, and what it decides is pure."""
