"""`midwatch demo`: the reference incident from alert to post-mortem, with the real product against a served world."""
