"""What workloads cost, what they ask for and do not use, and what a change of them would cost."""
