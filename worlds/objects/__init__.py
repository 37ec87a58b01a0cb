"""Objects as the Kubernetes API stores them: kinds, versions, patches, selectors. No controllers, no HTTP."""
