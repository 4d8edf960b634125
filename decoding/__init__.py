"""The contract of a reply and its enforcement, from the format to the matcher and the parser."""
