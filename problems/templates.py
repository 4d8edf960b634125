"""The sentences, names and objects of the word problems, and the ones kept for evaluation."""

from __future__ import annotations

NAMES = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Hugo",
    "Iris",
    "Jack",
    "Kira",
    "Liam",
    "Mona",
    "Noah",
    "Olga",
    "Paul",
    "Rosa",
    "Sam",
    "Tina",
    "Victor",
    "Wendy",
    "Zoe",
    "Marco",
    "Lena",
]
HELD_OUT_NAMES = ["Yusuf", "Omar", "Nora"]
OBJECTS = [
    "apples",
    "books",
    "coins",
    "pens",
    "cards",
    "stamps",
    "shells",
    "marbles",
    "eggs",
    "flowers",
    "stickers",
    "balls",
    "cookies",
    "pears",
    "stones",
    "keys",
    "boxes",
    "toys",
    "cups",
    "candles",
]
PLACES = ["box", "bag", "basket", "drawer", "jar", "room", "shop", "garden"]

# n, m: two people; a, b: numbers; o: the objects; p: a place.
TEMPLATES: dict[str, list[str]] = {
    "start": [
        "{n} has {a} {o}.",
        "{n} starts with {a} {o}.",
        "There are {a} {o} in the {p} of {n}.",
        "{n} owns {a} {o}.",
        "In the morning {n} has {a} {o}.",
        "{n} counts {a} {o} in a {p}.",
    ],
    "+": [
        "{n} buys {b} more {o}.",
        "{n} finds {b} {o}.",
        "Then {m} gives {n} {b} more {o}.",
        "Later {n} gets {b} {o} from {m}.",
        "{b} more {o} are added.",
        "{n} wins {b} {o} in a game.",
    ],
    "-": [
        "{n} gives {b} {o} to {m}.",
        "{n} loses {b} {o}.",
        "Then {n} sells {b} {o}.",
        "{m} takes {b} of the {o}.",
        "{b} {o} break and are thrown away.",
        "{n} leaves {b} {o} at home.",
    ],
    "*": [
        "Then the number of {o} becomes {b} times as large.",
        "After that {n} has {b} times as many {o}.",
        "{n} makes the number of {o} {b} times as large.",
    ],
    "double": ["Then the number of {o} doubles.", "Now {n} gets as many {o} again as before."],
    "triple": ["Then the number of {o} triples."],
    "/": [
        "{n} splits the {o} equally into {b} groups and keeps one group.",
        "{n} shares the {o} equally among {b} friends; look at the share of one friend.",
    ],
    "half": ["{n} keeps only half of the {o}."],
    "price": [
        "Each of the {o} costs {b} dollars. How many dollars do all the {o} cost?",
        "{n} sells every one of the {o} for {b} dollars each. How many dollars does {n} get?",
    ],
    "ask": [
        "How many {o} does {n} have now?",
        "How many {o} are there at the end?",
        "What is the number of {o} of {n} now?",
        "How many {o} are left with {n}?",
    ],
    "noise": [
        "{m} is {b} years old.",
        "{m} has {b} pencils.",
        "It is day {b} of the month.",
        "The house of {m} has {b} windows.",
    ],
}

# Never seen in training.  A kind that is missing here has no sentence of its own to spare.
HELD_OUT_TEMPLATES: dict[str, list[str]] = {
    "start": ["At home {n} has {a} {o} in a {p}."],
    "+": ["Later {n} finds {b} more {o} in the {p}.", "Then {n} wins {b} more {o} from {m}."],
    "-": ["Then {n} loses {b} of the {o}.", "Later {m} gets {b} {o} from the {p} of {n}."],
    "*": ["Then {n} has {b} times as many {o} as before."],
    "/": ["Then {n} shares the {o} equally into {b} groups and keeps one group."],
    "ask": ["How many of the {o} does {n} have at the end?"],
}
