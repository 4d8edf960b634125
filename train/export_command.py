"""Make a bundle that `reflect serve` takes: `python -m train export -c run.toml`.

Merges an adapter in float32, casts once, tests the file that ships against what was tuned, and
lays the contract, the golden replies and the papers beside it, in the folder `bundle` of the run.
"""

from __future__ import annotations

import argparse
import logging

from train.config import add_config_arguments, read_config
from train.run_folder import BUNDLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; nothing heavy is imported for them."""
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Return 0 once the bundle is there."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    config = read_config(arguments)
    from train.exporting.bundling import export

    manifest = export(config)
    for step, found in manifest["self_test"].items():
        print(
            f"{step}: {found['num_written']} of {found['num_replies']} greedy replies and "
            f"{found['num_likeliest']} of {found['num_tokens']} tokens as tuned, log probabilities "
            f"within {found['greatest_change']:g}"
        )
    print(f"{manifest['num_golden']} golden replies")
    print(f"serve it: reflect serve {config.run.dir / BUNDLE}")
    return 0
