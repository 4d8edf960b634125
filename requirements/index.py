"""Where packages come from: pip's settings, told to uv, which does not read them itself."""

import ast
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# pip's setting -> uv's variable and what separates several values there
VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", ""),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", ""),
    "client-cert": ("SSL_CLIENT_CERT", ""),
    "proxy": ("ALL_PROXY", ""),
    "default-timeout": ("UV_HTTP_TIMEOUT", ""),
    "timeout": ("UV_HTTP_TIMEOUT", ""),
    "no-index": ("UV_NO_INDEX", ""),
}
# `pip config list` names each setting's section; a later section wins, as it does in pip
SECTIONS = ("global", "install", ":env:")


def read_pip_settings(python: Path) -> dict[str, str]:
    """Return what `pip config list` tells of files and PIP_* variables; {} without pip."""
    listing = subprocess.run(
        [python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    return parse_pip_settings(listing.stdout if listing.returncode == 0 else "")


def parse_pip_settings(listing: str) -> dict[str, str]:
    """Read lines such as `global.find-links='/wheels'`, the strongest section last."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listing.splitlines():
        name, equals, value = line.partition("=")
        section, dot, key = name.partition(".")
        if equals and dot and section in found:
            found[section][key] = str(ast.literal_eval(value))
    return {key: value for section in SECTIONS for key, value in found[section].items()}


def uv_variables(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's settings to uv's variables; what the user has set for uv stays."""
    variables = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip: the best of all indexes
    for key, (variable, separator) in VARIABLES.items():
        if key in settings:
            value = settings[key].split()
            variables[variable] = separator.join(value) if separator else settings[key].strip()
    return {name: value for name, value in variables.items() if name not in environ}


def uv_environment(python: Path) -> dict[str, str]:
    """Return this process's environment with pip's settings added for uv."""
    return {**os.environ, **uv_variables(read_pip_settings(python), os.environ)}
