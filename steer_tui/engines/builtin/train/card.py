"""The model card: what the weights are, what was measured of them, and what they were made from."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

from steer_tui.engines.builtin.train.export import KINDS, MODEL_NAME, TrainingFigures
from steer_tui.engines.builtin.train.judgement import VALUES, Verdict
from steer_tui.engines.builtin.train.measure import ADDED_AT, PINNED_AT, Measured
from steer_tui.engines.builtin.train.recipe import Recipe
from steer_tui.engines.builtin.train.trial import mean

_MADE_WITH = ("numpy", "torch", "tokenizers")
_SAMPLES = 6


def write_card(out: Path, recipe: Recipe, figures: TrainingFigures, measured: Measured) -> None:
    """Writes `model-card.md`, which the other files must already lie beside."""
    versions = ", ".join(f"{name} {version(name)}" for name in _MADE_WITH)
    files = [path for path in sorted(out.iterdir()) if path.name != "model-card.md"]
    hashes = [f"    {hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files]
    parts = [
        f"# {MODEL_NAME}",
        "A decoder-only transformer trained on a generated corpus, with a sparse autoencoder on its residual stream, "
        "to show steering with. Written by `python -m steer_tui.engines.builtin.train`; measure it anew with "
        "`python -m steer_tui.engines.builtin.train.measure`.",
        "## Training",
        f"{figures.parameters:,} parameters; {figures.steps:,} steps of about {recipe.batch_tokens:,} tokens; a corpus "
        f"of {recipe.documents:,} documents and {figures.corpus_tokens:,} tokens; held out "
        f"{figures.held_out_nats:.3f} nats a token. Sparse autoencoder: {recipe.sae_width:,} features, "
        f"{figures.unexplained:.1%} of the variance unexplained, {figures.dead} dead. "
        f"Seed {recipe.seed}. Python {platform.python_version()}, {versions}.",
        tables(measured),
        "## Files (SHA-256)",
        "\n".join(hashes),
    ]
    (out / "model-card.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def tables(measured: Measured) -> str:
    """Text, dials and pairs as Markdown."""
    return "\n\n".join((_text(measured), _samples(measured), _dials(measured), _pairs(measured)))


def _text(measured: Measured) -> str:
    text = measured.text
    rows = [f"| {rule} | {count} | {count / text.sentences:.2%} |" for rule, count in text.broken.items()]
    return "\n".join(
        (
            "## Text, unsteered",
            "",
            f"{text.texts} texts from 20 openings, temperature 0.7, {text.sentences:,} sentences.",
            "",
            "| rule | sentences that break it | share |",
            "|---|---|---|",
            *rows,
            f"| any | {text.broken_sentences} | {text.broken_sentences / text.sentences:.2%} |",
            "",
            f"The protagonist is still the same at the end in {text.heroes_kept} of {text.heroes} texts that have one "
            f"({text.heroes_kept / max(1, text.heroes):.0%}). One mood holds through {text.one_mood:.0%} of the texts, "
            f"one or two topics through {text.two_topics:.0%}.",
        )
    )


def _samples(measured: Measured) -> str:
    shown = measured.text.samples[:_SAMPLES]
    return "\n\n".join(
        ("### The first texts drawn", *(f"> **{opening}**{_quoted(written)}" for opening, written in shown))
    )


def _quoted(text: str) -> str:
    return text.rstrip().replace("\n", "\n> ")


def _dials(measured: Measured) -> str:
    head = " | ".join(f"{value:+d}" if value else "0" for value in VALUES)
    rows = [
        f"| {verdict.concept.label} | {KINDS[direction.kind]} | {_shares(verdict)} | {verdict.random_share[6]:.0%} | "
        f"{_own(verdict)} | {verdict.nats[0]:.2f} to {verdict.nats[6]:.2f} | {', '.join(verdict.faults)} |"
        for direction, verdict in measured.features
    ]
    added = mean([verdict.nats[6] - verdict.nats[0] for _, verdict in measured.features])
    passing = sum(not verdict.faults for _, verdict in measured.features)
    return "\n".join(
        (
            "## Dials",
            "",
            "The share of texts that show the concept, by the value of the dial, on openings and a seed that had no "
            "part in choosing or accepting the feature; with random directions at +6; at 0 and −6 on the topic's own "
            "openings; nats a token under the unsteered model at 0 and +6; and the demands that are not met here.",
            "",
            f"| feature | kind | {head} | random | own, 0 to −6 | nats | faults |",
            "|---" * (len(VALUES) + 6) + "|",
            *rows,
            "",
            f"{len(measured.features)} features, {passing} of them without a fault here; at +6 the texts cost "
            f"{added:+.2f} nats a token on average.",
        )
    )


def _shares(verdict: Verdict) -> str:
    return " | ".join(f"{verdict.share[value]:.0%}" for value in VALUES)


def _own(verdict: Verdict) -> str:
    return f"{verdict.own_share[0]:.0%} to {verdict.own_share[-6]:.0%}" if verdict.own_share else ""


def _pairs(measured: Measured) -> str:
    rows = []
    for pair in measured.pairs:
        cells = (" and ".join(pair.labels), *(f"{share:.0%}" for share in (pair.unsteered, pair.added, *pair.pinned)))
        rows.append(f"| {' | '.join(cells)} |")
    pinned = " | ".join(f"pinned, {first:+d} and {second:+d}" for first, second in PINNED_AT)
    columns = f"| dials | unsteered | added, both {ADDED_AT:+d} | {pinned} |"
    rule = "|---" * (3 + len(PINNED_AT)) + "|"
    return "\n".join(("## Two dials together: the share of texts that show both", "", columns, rule, *rows))
