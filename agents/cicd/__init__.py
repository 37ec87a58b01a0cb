"""The specialist for changes: what was rolled out, merged, synced or edited by hand, when, and by whom."""
