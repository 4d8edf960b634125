"""Files that survive being killed: journals that only grow, files written whole."""
