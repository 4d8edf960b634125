"""The command line: `python -m train COMMAND`, or `reflect train COMMAND`."""

from __future__ import annotations

import argparse
import importlib
import sys

from files.errors import UserError

COMMANDS = {
    "recycle": (
        "train.recycle_command",
        "let a teacher improve instructions and responses, a student choose",
    ),
    "score": ("train.score_command", "score samples by IFD and r-IFD with a student model"),
    "build": ("train.build_command", "make token ids and labels of samples and self-corrections"),
    "sft": ("train.sft_command", "fine-tune a model on what was built, wholly or by LoRA"),
    "export": ("train.export_command", "make a bundle that `reflect serve` takes"),
    "report": ("train.report_command", "write a run as one HTML file"),
    "evidence": ("train.evidence_command", "find out whether reflection helps, at equal cost"),
    "demo": ("train.demo_command", "make the demo model from nothing, on one CPU core"),
}
REFUSED = 2  # arguments, a configuration or data that cannot be used
STOPPED = 3  # on request, with all that is needed to go on


def usage() -> str:
    """Return the help text, one line a command."""
    lines = [f"  {name:<10}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: reflect train COMMAND [ARGUMENTS]", "", *lines])


def main(argv: list[str] | None = None) -> int:
    """Run the command named by the first argument and return its exit status.

    0 done; 1 a file that cannot be read or written; REFUSED; STOPPED; 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else REFUSED
    name, *rest = arguments
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        print(f"reflect train: no command {name!r}; there is {known}", file=sys.stderr)
        return REFUSED
    command = importlib.import_module(COMMANDS[name][0])
    parser = argparse.ArgumentParser(
        prog=f"reflect train {name}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.set_defaults(argv=rest)  # what to type to do it again
    try:
        return int(command.run(parser.parse_args(rest)))
    except UserError as error:
        print(f"reflect train {name}: {error}", file=sys.stderr)
        return REFUSED
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"reflect train {name}: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"reflect train {name}: stopped; the same command goes on", file=sys.stderr)
        return 130
