"""Evidence: does reflection help, at equal training tokens and at equal inference tokens?"""
