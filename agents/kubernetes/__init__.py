"""The specialist for workloads, nodes and everything else that the Kubernetes API shows."""
