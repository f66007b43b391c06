"""A list of what a service offers, asked for when the screen opens."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from steer_tui.domain import SteerError
from steer_tui.generation.patience import patience
from steer_tui.tui.screens.faults import TellsFaults
from steer_tui.tui.wording import error_words

_T = TypeVar("_T")


class OfferScreen(TellsFaults, ModalScreen[_T]):
    """Asks, shows the rows that came or the sentence that says why not, and asks once more on `r`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "close"),
        Binding("r", "load", "try again", show=False),
    ]
    ASKING: ClassVar[str]
    """What is said while the answer is awaited."""
    NOTHING: ClassVar[str]
    """What is said where the service has none."""

    async def ask(self) -> Sequence[Content]:
        """A row for each thing that the service has."""
        raise NotImplementedError

    @property
    def first(self) -> int:
        """The row that is highlighted at first."""
        return 0

    def on_mount(self) -> None:
        """Ask."""
        self.action_load()

    @work(group="load", exclusive=True, exit_on_error=False)
    async def action_load(self) -> None:
        """Ask the service, once more where it has failed."""
        self.tell(self.ASKING)
        try:
            async with patience():
                rows = await self.ask()
        except SteerError as error:
            self.tell_fault("load", error_words(error))
        else:
            if rows:
                options = self.query_one(OptionList)
                options.set_options(map(Option, rows))
                options.highlighted = self.first
            else:
                self.tell(self.NOTHING)

    def tell_fault(self, group: str, sentence: str) -> None:
        """Say it where the rows would stand, and how they are asked for once more."""
        self.tell(f"{sentence} r asks again.")

    def tell(self, sentence: str) -> None:
        """Say a sentence where the rows would stand."""
        self.query_one(OptionList).set_options([Option(Content.styled(sentence, "dim"), disabled=True)])
