"""Help: what the dials do, and every key as it is bound now."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from steer_tui.tui.keys import key_of

REPLACEMENT = "\N{REPLACEMENT CHARACTER} (U+FFFD)"


def _words(key: Callable[[str], str]) -> str:
    return f"""\
A dial adds a feature's direction to the model's residual stream, at every token from the first. \
One notch is 4 % of the stream's mean norm; +4 turns a text, above +8 it begins to break, 0 is off. \
Negative values push away.

The left text is steered, the right one is the same model with the same seed and no dials: \
what differs, the dials did.

With auto on, a turned dial or an edited prompt starts again by itself; with auto off the text is marked stale \
until you generate.

With live on, a dial that is turned while the steered text comes acts from the next token on, without a restart, and \
▸ marks where. What the model holds of the text so far keeps the old steering, so the turn may take a few tokens to \
show; {key("main.generate")} makes the text anew, with the dials as they stand from the first token on. A pace, \
set with the sampling, gives you the time to turn.

{key("main.sweep")} sweeps the chosen dial over its whole range, beside a random direction of the same norm: \
the share of texts that show the feature should rise for the one and not for the other, and nats tell where the \
texts begin to break.

{key("main.method")} goes through the methods that the engine has. Additive pushes along the direction. Orthogonal \
keeps a part of the component that lies along it: 0 is off, 10 removes it and more reflects it. Projection cap lets \
the component grow no further than the dial says, ablate removes it, whatever the value, and pin sets it to what the \
dial says. Of two dials that push towards two topics the one that comes first mostly takes the whole text, since \
the text then pushes with it; pinned, both hold. On a dial, digits type \
a value in notches; {key("dial.raw")} types a raw strength, the coefficient itself, which may lie beyond the dial's \
ends.

A server has to load its model first. How long that has taken stands below the texts, and {key("main.cancel")} stops \
it.

A character that is split over several tokens shows as {REPLACEMENT} where the model's tokenizer is not at hand, as \
with a server somewhere else, which tells each token alone. With a model in a local folder, or a server that is \
started here, such characters come whole.

Where a service generates, {key("main.presets")} lists its presets and {key("main.models")} its models, and features \
are searched for. One that counts calls has auto off, and one that publishes texts says so before the first: \
{key("main.copy-link")} copies the address of the latest. {key("main.reread")} reads the steered text anew \
for its activations, where the stream brings none.

The panes follow the text until you scroll up, and again from the bottom on. Select with the mouse, copy with ctrl+c; \
{key("main.copy")} copies the whole text of a pane."""


class HelpScreen(ModalScreen[None]):
    """A page over the main screen; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "close"),
    ]

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Words first, then the keys."""
        width = max((len(key) for key, _ in self._keys), default=0)
        lines = [Content.styled(key.rjust(width), "bold $text-primary") + f"  {name}" for key, name in self._keys]
        with VerticalScroll(id="help") as box:
            box.border_title = "Help"
            box.border_subtitle = "↑↓ scroll · esc close"
            yield Static(Content(_words(partial(key_of, self))))
            yield Static(Content("\n").join(lines), classes="keys")
