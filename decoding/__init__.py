"""The contract of a reply and its enforcement: format, bundle, automaton, budget, matcher, parser."""
