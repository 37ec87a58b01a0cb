"""RootCauseBench: incidents of services with deploys and the diffs of their commits. Which commit did it, or none."""
