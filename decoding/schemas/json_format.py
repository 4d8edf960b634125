"""The formats of JSON Schema that are enforced, each as a grammar of what readers agree on.

The texts are a part of what the standards permit: years from 1000 to 2999, no leap seconds, no
quoted local part in an email, labels of at most 32 characters in a hostname, no relative
reference, ASCII in the international formats.
"""

from __future__ import annotations

from collections.abc import Mapping

from decoding.grammars.grammar import Node
from decoding.grammars.pattern import parse

LEAP_YEAR = "(?:[12][0-9](?:0[48]|[2468][048]|[13579][26])|(?:12|16|20|24|28)00)"
DATE = (
    "(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{LEAP_YEAR}-02-29)"
)
CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
TIME = rf"{CLOCK}:[0-5][0-9](?:\.[0-9]{{1,6}})?(?:Z|[+-]{CLOCK})"
NUMBER = "[0-9]{1,4}"
CLOCK_DURATION = f"T(?:{NUMBER}H(?:{NUMBER}M)?(?:{NUMBER}S)?|{NUMBER}M(?:{NUMBER}S)?|{NUMBER}S)"
DATE_DURATION = f"(?:{NUMBER}Y(?:{NUMBER}M(?:{NUMBER}D)?)?|{NUMBER}M(?:{NUMBER}D)?|{NUMBER}D)"
DURATION = f"P(?:{DATE_DURATION}(?:{CLOCK_DURATION})?|{CLOCK_DURATION}|{NUMBER}W)"

HEX = "[0-9A-Fa-f]"
BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
GROUP = f"{HEX}{{1,4}}"
IPV6 = "|".join(
    (
        f"(?:{GROUP}:){{7}}{GROUP}",
        *(f"(?:{GROUP}:){{{n}}}(?::{GROUP}){{1,{7 - n}}}" for n in range(1, 7)),
        f"(?:{GROUP}:){{1,7}}:",
        f":(?:(?::{GROUP}){{1,7}}|:)",
    )
)

WORD = "[A-Za-z0-9]"
LABEL = f"{WORD}(?:[A-Za-z0-9-]{{0,30}}{WORD})?"
DOMAIN = f"{WORD}+(?:-{WORD}+)*"
ATOM = "[A-Za-z0-9_+-]+"
IN_URI = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%{HEX}{HEX})"
AUTHORITY = rf"{DOMAIN}(?:\.{DOMAIN})*(?::[0-9]{{1,4}})?"
URI = (
    rf"[A-Za-z][A-Za-z0-9+.-]*:(?://{AUTHORITY}(?:/{IN_URI}*)*|{IN_URI}+(?:/{IN_URI}*)*)"
    rf"(?:\?(?:{IN_URI}|[/?])*)?(?:#(?:{IN_URI}|[/?])*)?"
)

EMAIL = rf"{ATOM}(?:\.{ATOM})*@{DOMAIN}(?:\.{DOMAIN})+"
HOSTNAME = rf"{LABEL}(?:\.{LABEL}){{0,5}}"

PATTERNS: Mapping[str, str] = {
    "date": DATE,
    "time": TIME,
    "date-time": f"{DATE}T{TIME}",
    "duration": DURATION,
    "uuid": f"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}",
    "email": EMAIL,
    "idn-email": EMAIL,
    "ipv4": rf"(?:{BYTE}\.){{3}}{BYTE}",
    "ipv6": IPV6,
    "hostname": HOSTNAME,
    "idn-hostname": HOSTNAME,
    "uri": URI,
    "uri-reference": URI,
    "iri": URI,
    "iri-reference": URI,
}
"""A format that the standard does not name is an annotation, as it says."""


def format_node(name: str) -> Node:
    """Return the texts of a format out of `PATTERNS`."""
    return parse(PATTERNS[name])
