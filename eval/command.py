"""The command line: `python -m eval COMMAND`, or `reflect eval COMMAND`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import NoReturn

from files.errors import UserError

COMMANDS = {
    "list": ("eval.list_command", "list the tasks and where their data come from"),
    "run": ("eval.run_command", "ask a model the questions of tasks, and score its answers"),
    "sweep": ("eval.sweep_command", "run a task at several efforts: does thinking longer pay?"),
    "judge": ("eval.judge_command", "let a judge decide over the answers of a run"),
    "compare": ("eval.compare_command", "compare two runs on the same questions"),
    "report": ("eval.report_command", "write runs as one HTML file"),
    "verify": ("eval.verify_command", "score a run's replies again and compare the digest"),
    "rescore": ("eval.rescore_command", "score a run's replies with today's scorers"),
}


class Parser(argparse.ArgumentParser):
    """A parser whose errors end with the exit status of wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Print one line, not the whole usage."""
        self.exit(os.EX_USAGE, f"{self.prog}: {message} (--help tells the arguments)\n")


def usage() -> str:
    """Return the help text, one line a command."""
    lines = [f"  {name:<8}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: reflect eval COMMAND [ARGUMENTS]", "", *lines])


def main(argv: list[str] | None = None) -> int:
    """Run the command named by the first argument and return its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else os.EX_USAGE
    name, *rest = arguments
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        print(f"reflect eval: no command {name!r}; there is {known}", file=sys.stderr)
        return os.EX_USAGE
    command = importlib.import_module(COMMANDS[name][0])
    parser = Parser(
        prog=f"reflect eval {name}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # `again` would not know --ou from --out
    )
    command.add_arguments(parser)
    try:
        status = int(command.run(parser.parse_args(rest)))
        sys.stdout.flush()  # here, where a closed pipe can be caught
        return status
    except UserError as error:
        print(f"reflect eval {name}: {error}", file=sys.stderr)
        return os.EX_DATAERR
    except BrokenPipeError:  # who reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"reflect eval {name}: {error.strerror or error}{where}", file=sys.stderr)
        return os.EX_IOERR
    except KeyboardInterrupt:
        print(f"reflect eval {name}: stopped", file=sys.stderr)
        return 130
