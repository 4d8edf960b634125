"""Reports: runs as one HTML file."""
