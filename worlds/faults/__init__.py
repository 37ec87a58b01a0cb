"""What can go wrong: one file per kind of fault. A new kind is a new file with a class whose `kind` has a default."""
