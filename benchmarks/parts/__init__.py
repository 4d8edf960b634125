"""What several benchmarks share: the peers, their formulations, traces and mutated texts."""
