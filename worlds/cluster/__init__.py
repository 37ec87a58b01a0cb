"""What makes a cluster move: controllers, scheduler and kubelets over the object store, in virtual time."""
