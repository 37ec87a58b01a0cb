"""OpenCost: what workloads cost."""
