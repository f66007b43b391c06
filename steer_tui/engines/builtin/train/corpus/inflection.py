"""Verbs in tense and person, and the article that fits the next word."""

import re
from functools import cache

PAST = {
    "be": "was", "have": "had", "do": "did", "go": "went", "can": "could", "say": "said", "see": "saw", "come": "came",
    "take": "took", "give": "gave", "get": "got", "make": "made", "know": "knew", "think": "thought", "find": "found",
    "build": "built", "throw": "threw", "slide": "slid", "catch": "caught", "put": "put", "break": "broke",
    "sing": "sang", "beat": "beat", "blow": "blew", "write": "wrote", "fly": "flew", "draw": "drew", "ride": "rode",
    "sit": "sat", "hear": "heard", "eat": "ate", "drink": "drank", "cut": "cut", "dig": "dug", "run": "ran",
    "hide": "hid", "swim": "swam", "cast": "cast", "grow": "grew", "hang": "hung", "read": "read", "sell": "sold",
    "buy": "bought", "pay": "paid", "lie": "lay", "lay": "laid", "sleep": "slept", "fall": "fell", "rise": "rose",
    "begin": "began", "stand": "stood", "wear": "wore", "shine": "shone", "ring": "rang", "set": "set", "feel": "felt",
    "win": "won", "leap": "leaped", "tell": "told", "teach": "taught", "hold": "held", "feed": "fed", "light": "lit",
    "dream": "dreamed", "burn": "burned", "drive": "drove", "learn": "learned", "spell": "spelled", "weep": "wept",
    "creep": "crept", "flee": "fled", "shake": "shook", "burst": "burst", "freeze": "froze", "forgive": "forgave",
    "dare": "dared", "bring": "brought", "meet": "met", "let": "let", "keep": "kept", "leave": "left", "wake": "woke",
    "forget": "forgot", "swing": "swung", "speak": "spoke", "strike": "struck", "wind": "wound", "show": "showed",
    "stride": "strode", "shrink": "shrank", "steal": "stole", "lose": "lost", "send": "sent", "spend": "spent",
    "melt": "melted", "choose": "chose", "kneel": "knelt", "become": "became", "lead": "led", "stick": "stuck",
    "sweep": "swept", "bite": "bit",
}  # fmt: skip
PRESENT_THIRD = {"be": "is", "have": "has", "do": "does", "go": "goes", "can": "can"}
DOUBLING = {
    "hum", "tap", "stir", "trim", "wrap", "clap", "plan", "chop", "step", "drop", "pop", "slip", "hug", "pet", "drum",
    "rub", "mop", "nod", "grin", "beg", "grab", "drip", "wag", "spot", "stop", "skip", "hop", "sob", "drag", "snap",
    "trip", "jog", "tug", "flip", "map", "whir", "flap", "slam", "dip", "nap", "plod", "program", "scrub",
    "strum", "unwrap",
}  # fmt: skip
_SOUNDS_LIKE_YOU = re.compile(r"(?:uni|use|usu|one\b|one-|eu)", re.IGNORECASE)
_ARTICLE = re.compile(r"\b([Aa]) (?=([aeiou]\S*|X-ray|hour|honest))")


@cache
def past(verb: str) -> str:
    """The simple past of a base form."""
    if verb in PAST:
        return PAST[verb]
    if verb in DOUBLING:
        return verb + verb[-1] + "ed"
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + "ed"


@cache
def third_singular(verb: str) -> str:
    """The present tense of a base form with he, she or it."""
    if verb in PRESENT_THIRD:
        return PRESENT_THIRD[verb]
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def inflect(phrase: str, form: str, tense: str) -> str:
    """A verb phrase whose first word takes `form` in `tense`: 1, 3 or p in past or present, or past in any tense."""
    verb, _, rest = phrase.partition(" ")
    if form == "past" or tense == "past":
        verb = "were" if verb == "be" and form == "p" else past(verb)
    elif form == "3":
        verb = third_singular(verb)
    elif verb == "be":
        verb = "am" if form == "1" else "are"
    return f"{verb} {rest}" if rest else verb


def with_articles(text: str) -> str:
    """The text with "an" wherever the next word begins with a vowel sound."""

    def article(match: re.Match[str]) -> str:
        return match[0] if _SOUNDS_LIKE_YOU.match(match[2]) else match[1] + "n "

    return _ARTICLE.sub(article, text)
