"""The `reflect` command: hands over to the sub-command, which alone imports what it needs."""

import importlib
import sys

COMMANDS = {
    "serve": ("server.command", "serve a model behind the OpenAI API"),
    "promote": ("server.promotion.command", "give a running server new weights"),
    "chat": ("server.chat", "talk to a server in the terminal"),
    "keys": ("server.keys.command", "make, list and revoke API keys"),
    "record": ("server.records.command", "look after recorded conversations"),
    "golden": ("server.golden_command", "record what a model says, for its self-test"),
    "train": ("train.__main__", "make a model"),
    "eval": ("eval.command", "evaluate a model, and recompute what was said of it"),
}


def usage() -> str:
    """Return the help text, one line a command."""
    lines = [f"  {name:<8}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: reflect COMMAND [ARGUMENTS]",
            "",
            *lines,
            "",
            "`reflect COMMAND --help` tells the arguments of a command.",
        ]
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command named by the first argument and return its exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in COMMANDS:
        print(f"reflect: no command {name!r}; there is {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    run = importlib.import_module(COMMANDS[name][0]).main
    return int(run(rest))


if __name__ == "__main__":
    sys.exit(main())
