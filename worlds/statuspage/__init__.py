"""Status pages of providers outside the estate."""
