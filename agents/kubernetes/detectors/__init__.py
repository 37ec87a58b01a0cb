"""Facts read out of Kubernetes views, one file per kind of trouble."""
