"""OpenCost's HTTP API: what workloads cost, from requests, use and node prices."""
