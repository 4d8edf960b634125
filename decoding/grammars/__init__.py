"""Grammars of answers: regular expressions and trees, compiled to a byte DFA."""
