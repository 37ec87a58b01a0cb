"""After an execution: the checks are measured over the watch window, and the verdict is written once."""
