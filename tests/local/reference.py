"""The same model computed directly: transformers in this process, with a hook where a vector acts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from local.tiny_model import END, LAYERS
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

Act = Callable[[torch.Tensor], torch.Tensor]
"""What is done to the residual stream [..., d_model]."""


def adding(*pushes: NDArray[np.float32]) -> Act:
    """h += each of them."""
    return lambda residual: residual + sum(torch.from_numpy(push) for push in pushes)


def scaling(direction: NDArray[np.float32], factor: float) -> Act:
    """The component along the direction times the factor."""

    def act(residual: torch.Tensor) -> torch.Tensor:
        unit = _unit(direction)
        return residual + (factor - 1) * (residual @ unit)[..., None] * unit

    return act


def capping(direction: NDArray[np.float32], cap: float) -> Act:
    """The component along the direction is at most the cap."""

    def act(residual: torch.Tensor) -> torch.Tensor:
        unit = _unit(direction)
        component = residual @ unit
        return residual + (component.clamp(max=cap) - component)[..., None] * unit

    return act


def pinning(direction: NDArray[np.float32], component: float) -> Act:
    """The component along the direction is this."""

    def act(residual: torch.Tensor) -> torch.Tensor:
        unit = _unit(direction)
        return residual + (component - residual @ unit)[..., None] * unit

    return act


def _unit(direction: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(direction / np.linalg.norm(direction))


class Reference:
    """The model of a folder."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)  # for so small a model more of them only wait for each other
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def ids(self, text: str) -> list[int]:
        """Its tokens, the one that begins a text included."""
        return list(self.tokenizer(text).input_ids)

    def chat_ids(self, message: str) -> list[int]:
        """The tokens of a message up to where the answer begins."""
        asked = [{"role": "user", "content": message}]
        return list(self.tokenizer.apply_chat_template(asked, add_generation_prompt=True)["input_ids"])

    def text(self, ids: Sequence[int]) -> str:
        """What the tokens spell, without the mark of the end."""
        return str(self.tokenizer.decode(ids)).removesuffix(END)

    def residuals(self, ids: Sequence[int], acts: Mapping[int, Act] = {}) -> list[NDArray[np.float32]]:
        """[tokens, d_model] behind each block, and behind what acts on it."""
        return self._forward(ids, acts)[1]

    def likeliest(self, ids: Sequence[int], tokens: int, acts: Mapping[int, Act] = {}) -> list[int]:
        """The likeliest tokens behind these, each computed anew from all before it."""
        made = list(ids)
        while len(made) < len(ids) + tokens and made[-1] != self.tokenizer.eos_token_id:
            made.append(int(self._forward(made, acts)[0][-1].argmax()))
        return made[len(ids) :]

    def greedy(self, ids: Sequence[int], tokens: int, acts: Mapping[int, Act] = {}) -> str:
        """The same as text."""
        return self.text(self.likeliest(ids, tokens, acts))

    def _forward(self, ids: Sequence[int], acts: Mapping[int, Act]) -> tuple[torch.Tensor, list[NDArray[np.float32]]]:
        residuals: list[NDArray[np.float32]] = []
        blocks = self._model.model.layers

        def hook(layer: int) -> Callable[..., torch.Tensor]:
            def after(_module: object, _input: object, output: torch.Tensor) -> torch.Tensor:
                changed = acts[layer](output) if layer in acts else output
                residuals.append(changed[0].numpy())
                return changed

            return after

        def embedded(_module: object, _input: object, output: torch.Tensor) -> torch.Tensor:
            return acts[-1](output) if -1 in acts else output

        with ExitStack() as hooks, torch.no_grad():
            for layer in range(LAYERS):
                hooks.callback(blocks[layer].register_forward_hook(hook(layer)).remove)
            hooks.callback(self._model.model.embed_tokens.register_forward_hook(embedded).remove)
            logits = self._model(torch.tensor([list(ids)])).logits[0]
        return logits, residuals
