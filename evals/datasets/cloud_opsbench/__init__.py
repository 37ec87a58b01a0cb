"""Cloud-OpsBench: frozen Kubernetes incidents as the text that kubectl and friends printed."""
