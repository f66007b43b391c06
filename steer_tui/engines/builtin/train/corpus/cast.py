"""Who and what a document is about: one protagonist, at most one friend, a few things that come back."""

from dataclasses import dataclass, field
from random import Random

from steer_tui.engines.builtin.train.corpus.lexicon import Lexicon, WordField, load_lexicon

_PRONOUNS = {
    "her": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
    "his": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
    "first": {"he": "I", "him": "me", "his": "my", "himself": "myself"},
    "you": {"he": "you", "him": "you", "his": "your", "himself": "yourself"},
}


def names() -> list[str]:
    """The names that somebody in a document may bear."""
    common = load_lexicon().common
    return [*common["her_names"], *common["his_names"]]


def pronouns() -> list[str]:
    """The pronouns of the protagonist, at the beginning of a sentence and within it."""
    words = sorted({word for forms in _PRONOUNS.values() for word in forms.values()})
    return words + [word.capitalize() for word in words if word[0].islower()]


@dataclass
class Props:
    """The nouns of a topic that a document keeps coming back to."""

    topic: WordField
    nouns: dict[str, list[str]]

    @classmethod
    def draw(cls, topic: WordField, rng: Random) -> "Props":
        """A small choice of the topic's nouns."""
        sizes = {"spots": 1, "beings": 1, "things": 2, "plurals": 2, "stuff": 2, "where": 2}
        return cls(topic, {name: rng.sample(topic.lists[name], size) for name, size in sizes.items()})


@dataclass
class Cast:
    """The protagonist and the friend of a document, and how they are called."""

    person: str
    gender: str
    name: str
    role: str
    named: bool
    friend_name: str
    friend_relation: str
    addressee: str
    pronouns: dict[str, str] = field(init=False)
    introduced: bool = False
    friend_introduced: bool = False

    def __post_init__(self) -> None:
        """The pronouns follow from person and gender."""
        self.pronouns = _PRONOUNS[self.person if self.person in ("first", "you") else self.gender]

    @classmethod
    def draw(cls, person: str, topic: WordField, lexicon: Lexicon, rng: Random) -> "Cast":
        """A protagonist, and a friend of the other gender, so that pronouns can't be mistaken."""
        gender, other = rng.choice((("her", "his"), ("his", "her")))
        common = lexicon.common
        role = rng.choice(common[f"{gender}_roles"] if rng.random() < 0.65 else topic.lists["beings"])
        names = common[f"{other}_names"]
        friend, addressee = rng.sample(names, 2)
        relation = rng.choice(("friend", "best friend", *common[f"{other}_relatives"]))
        named = person != "third" or rng.random() < 0.85
        return cls(person, gender, rng.choice(common[f"{gender}_names"]), role, named, friend, relation, addressee)

    @property
    def full_name(self) -> str:
        """What the protagonist is called when no pronoun is used."""
        if self.person != "third":
            return self.pronouns["he"]
        return self.name if self.named else f"the {self.role}"

    def mention(self, rng: Random, again: bool) -> str:
        """The protagonist as a subject: the name on the first mention and in most sentences."""
        if self.person == "third" and (not self.introduced or (not again and rng.random() < 0.65)):
            self.introduced = True
            return self.full_name
        return self.pronouns["he"]

    def introduction(self, person_word: str) -> str:
        """The protagonist as somebody new."""
        self.introduced = True
        if not self.named:
            return f"a {person_word} {self.role}"
        return f"a {person_word} {self.role} named {self.name}"

    def friend(self) -> str:
        """The friend: related to the protagonist on the first mention, by name afterwards."""
        if self.friend_introduced:
            return self.friend_name
        self.friend_introduced = True
        return f"{self.pronouns['his']} {self.friend_relation} {self.friend_name}"
