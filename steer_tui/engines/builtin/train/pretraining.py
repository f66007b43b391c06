"""Training the transformer: a fixed number of steps over batches of documents, resumable from a checkpoint."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from steer_tui.engines.builtin.train.bpe import END_OF_TEXT
from steer_tui.engines.builtin.train.model import Architecture, Transformer
from steer_tui.engines.builtin.train.muon import Muon
from steer_tui.engines.builtin.train.packing import Tokenized, Tokens, targets

_MATRIX_RATE = 0.02
_VECTOR_RATE = 0.004
_WARM_UP = 30
_FLAT = 0.4
"""The share of the steps before the learning rate begins to fall."""
_GROUP_WEIGHT = 4.0
_CHECKPOINT_EVERY = 100
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Phase:
    """A number of steps, and what the layers after the steering layer have to put up with in half of the rows."""

    steps: int
    sight: int | None = None
    """How many positions they see; None for all of them."""
    push: float = 0.0
    """The largest dose of noise, and of hints, in the residual stream that reaches them: a share of its mean norm."""


def learning_rate(step: int, steps: int) -> float:
    """The share of the full learning rate at a step: a short warm-up, then flat, then linear to zero."""
    return min(1.0, (step + 1) / min(_WARM_UP, steps), (steps - step) / ((1 - _FLAT) * steps))


def near_sighted_mask(tokens: Tensor, sight: int, names: Tensor) -> Tensor:
    """An attention mask [batch, 1, time, time] that is causal, and for every second row also short of sight.

    In those rows the layers after the steering layer see the latest few positions, the first one and the names alone.
    What a text is about must then be carried by the residual stream that reaches them, which is the stream that
    steering turns: without this the layers look the topic up in the words far behind, and a turned stream sways them
    little. Names, `names` the ids of their tokens, tell who a text is about and not what, so they stay in sight.
    """
    position = torch.arange(tokens.shape[1])
    distance = position[:, None] - position
    causal = distance >= 0
    near = causal & ((distance < sight) | (position == 0))
    seen = near | (causal & torch.isin(tokens, names)[:, None, :])
    seen[::2] = causal
    return seen[:, None]


def noise_in(tokens: Tensor, largest: float, width: int, generator: torch.Generator) -> Tensor:
    """Noise [batch, time, width] for every second row, a random direction a position, as a share of the mean norm.

    With it the layers after the steering layer learn to take no harm from a stream that was pushed off its usual
    paths, as every dial pushes it. It differs from position to position: of a constant push they would learn the size
    from the first position, which is always the same token, and undo it.
    """
    batch, time = tokens.shape
    directions = functional.normalize(torch.randn(batch, time, width, generator=generator), dim=-1)
    doses = torch.rand(batch, 1, 1, generator=generator) * largest
    doses[::2] = 0
    return directions * doses


class Pushes(NamedTuple):
    """What is added to the residual stream behind the steering layer, in shares of the batch's mean norm."""

    noise: Tensor
    """[batch, time, width]"""
    hints: Tensor
    """[batch] the doses of the hints."""


def pushes_in(tokens: Tensor, largest: float, width: int, generator: torch.Generator) -> Pushes:
    """Noise and hints for every second row; a third of the hints tells what a document is not about."""
    noise = noise_in(tokens, largest, width, generator)
    hints = (torch.rand(len(tokens), generator=generator) * 1.5 - 0.5) * largest
    hints[::2] = 0
    return Pushes(noise, hints)


def hinted(residual: Tensor, counted: Tensor, doses: Tensor) -> Tensor:
    """Hints [batch, 1, width] of these doses at what each document is about, its end included.

    A hint is the direction from the batch's mean residual to the document's, over the positions that are counted
    [batch, time]; one of a negative dose takes the document of the row before. From hints the layers after the
    steering layer learn that a lasting push tells what the text is to be about, and to write under it as well as ever.
    """
    means = (residual * counted[..., None]).sum(1) / counted.sum(1, keepdim=True)
    directions = functional.normalize(means - means.mean(0), dim=1)
    told = torch.where(doses[:, None] < 0, directions.roll(1, 0), directions)
    return (told * doses[:, None])[:, None]


class Trainee(torch.nn.Module):
    """The transformer as training runs it: with masked sight and pushes, down to the loss."""

    def __init__(self, model: Transformer, groups: tuple[Tensor, ...] = ()) -> None:
        """The transformer to train, and groups of tokens whose choice within the group is to count for more.

        Which name and which pronoun it is hangs on one word far behind, and they are few among the tokens: without
        more weight the heads that copy them form late. The weight lies on the choice among the group alone, so the
        model's probability that such a token comes stays what it is in the corpus.
        """
        super().__init__()
        self.model = model
        self.groups = groups

    def forward(self, tokens: Tensor, wanted: Tensor, mask: Tensor | None = None, pushes: Pushes | None = None
                ) -> Tensor:  # fmt: skip
        """Nats a token, and what the groups add to them."""
        residual = self.model.residual(tokens)
        if pushes is not None:
            # The end-of-text token is left out because its norm is like no other's.
            counted = tokens != END_OF_TEXT
            known = residual.detach()
            norm = (known.norm(dim=-1) * counted).sum() / counted.sum()
            residual = residual + (pushes.noise + hinted(known, counted, pushes.hints)) * norm
        logits = self.model.logits_from(residual, mask=mask)
        loss = functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1))
        chosen = logits.gather(2, wanted.clamp_min(0)[..., None])[..., 0]
        for group in self.groups:
            within = (logits[..., group].logsumexp(-1) - chosen) * torch.isin(wanted, group)
            loss = loss + _GROUP_WEIGHT * within.sum() / (wanted >= 0).sum()
        return loss


def pretrain(documents: Tokenized, plan: tuple[Phase, ...], tokens: int, groups: tuple[Tensor, ...], seed: int,
             checkpoint: Path, progress: Progress, compile_model: bool) -> Transformer:  # fmt: skip
    """The trained transformer, about `tokens` positions a step; a `checkpoint` that is there is gone on from.

    The first of the groups is the names.
    """
    torch.manual_seed(seed)
    model = Transformer(Architecture())
    matrices = [parameter for parameter in model.layers.parameters() if parameter.ndim == 2]
    vectors = [model.embedding, *(parameter for parameter in model.parameters() if parameter.ndim == 1)]
    muon = Muon(matrices, lr=_MATRIX_RATE)
    adam = torch.optim.AdamW(vectors, lr=_VECTOR_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        muon.load_state_dict(state["muon"])
        adam.load_state_dict(state["adam"])
        first = state["step"]
    trainee = Trainee(model, groups)
    loss_of: Callable[..., Tensor] = torch.compile(trainee, dynamic=True) if compile_model else trainee
    context, width = model.architecture.context, model.architecture.width
    schedule = [phase for phase in plan for _ in range(phase.steps)]
    order: list[Tokens] = []
    while len(order) < len(schedule):
        order += documents.order(tokens, context, seed + len(order))
    average = math.nan
    for number, phase in enumerate(schedule):
        if number < first:
            continue
        for optimizer, rate in ((muon, _MATRIX_RATE), (adam, _VECTOR_RATE)):
            optimizer.param_groups[0]["lr"] = rate * learning_rate(number, len(schedule))
        rows = documents.batch(order[number], context)
        inputs, wanted = torch.from_numpy(rows[:, :-1]), torch.from_numpy(targets(rows))
        mask = near_sighted_mask(inputs, phase.sight, groups[0]) if phase.sight else None
        # A generator of each step's own, so that a resumed run goes on with the same pushes.
        generator = torch.Generator().manual_seed(seed * 1_000_003 + number)
        pushes = pushes_in(inputs, phase.push, width, generator) if phase.push else None
        loss = loss_of(inputs, wanted, mask, pushes)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in (muon, adam):
            optimizer.step()
            optimizer.zero_grad()
        value = loss.item()
        average = value if math.isnan(average) else 0.95 * average + 0.05 * value
        progress(number + 1, len(schedule), f"{average:.3f} nats")
        if (number + 1) % _CHECKPOINT_EVERY == 0 or number + 1 == len(schedule):
            state = {
                "model": model.state_dict(),
                "muon": muon.state_dict(),
                "adam": adam.state_dict(),
                "step": number + 1,
            }
            part = checkpoint.with_suffix(".part")
            torch.save(state, part)
            part.replace(checkpoint)
    return model


@torch.no_grad()
def held_out_nats(model: Transformer, documents: Tokenized, tokens: int) -> float:
    """Mean nats a token over held-out documents, their ends counted in."""
    trainee = Trainee(model)
    total = counted = 0.0
    for chosen in documents.order(tokens, model.architecture.context, 0):
        rows = documents.batch(chosen, model.architecture.context)
        wanted = targets(rows)
        count = int((wanted >= 0).sum())
        total += float(trainee(torch.from_numpy(rows[:, :-1]), torch.from_numpy(wanted))) * count
        counted += count
    return total / counted
