"""The pinned lists of packages, and the set-up that needs only the standard library."""
