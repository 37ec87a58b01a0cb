"""The rehearsal's twin: a stand-in of the affected workload, in which a change is tried before anybody is asked."""
