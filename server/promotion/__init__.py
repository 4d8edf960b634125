"""New weights in the running server: the gate, the checks, the way back."""
