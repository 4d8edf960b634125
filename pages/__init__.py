"""Pages: reports as single HTML files that ask nothing of any network."""
