"""The keys that stand in texts, for a person may have bound them otherwise."""

from typing import Protocol, runtime_checkable

from textual.widget import Widget


@runtime_checkable
class NamesKeys(Protocol):
    """An app that knows what each action is bound to."""

    def key_of(self, action: str) -> str:
        """The first key of an action, as it is drawn."""
        ...


def key_of(widget: Widget, action: str) -> str:
    """The key of an action in the app of a widget, as it is drawn; `action` is the id of a binding."""
    assert isinstance(widget.app, NamesKeys), "the texts that name keys stand in this app alone"
    return widget.app.key_of(action)
