"""`python -m steer_tui.engines.builtin.train`: makes the embedded model from a seed."""

import os
import shutil
import sys
from pathlib import Path

import click

_ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "500000000",
    "OMP_WAIT_POLICY": "passive",
}
_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=_WEIGHTS, help="Where the files go.")
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), help="Where the stages are kept.")
@click.option(
    "--compile/--no-compile",
    "compile_model",
    default=None,
    help="Compile the model (default: where a C++ compiler is).",
)
@click.option("--threads", type=int, default=2, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--documents", type=int)
@click.option("--held-out", type=int)
@click.option("--steps", type=int, help="Steps of the transformer's training.")
@click.option("--near-steps", type=int, help="Steps that follow with a short sight of the late layers.")
@click.option("--nearest-steps", type=int, help="Steps that follow with the shortest sight.")
@click.option("--batch-tokens", type=int, help="Tokens of a step's documents, about.")
@click.option("--sae-steps", type=int)
@click.option("--sae-width", type=int)
@click.option("--sae-batch", type=int)
@click.option("--signature-documents", type=int, help="Documents that tell which words belong to one concept alone.")
@click.option("--text-tokens", type=int, help="Tokens of each measured text.")
@click.option("--openings", type=int, help="Openings that each offered direction is measured on.")
@click.option("--screening-openings", type=int, help="Openings that each candidate is measured on.")
@click.option("--judged-samples", type=int, help="Texts an opening that each chosen direction is judged on.")
@click.option("--sae-documents", type=int, help="Documents whose residuals the sparse autoencoder sees.")
def main(out: Path, work: Path | None, compile_model: bool | None, threads: int, **numbers: int | None) -> None:
    """Train tokenizer, transformer and sparse autoencoder, label features, and write the weights folder."""
    import torch

    from steer_tui.engines.builtin.train.pipeline import Pipeline
    from steer_tui.engines.builtin.train.progress import Report
    from steer_tui.engines.builtin.train.recipe import Recipe

    torch.set_num_threads(threads)
    recipe = Recipe(**{name: number for name, number in numbers.items() if number is not None})
    if compile_model is None:
        compile_model = shutil.which("g++") is not None
    with Report() as report:
        work = work or recipe.work_folder()
        report.say(f"work folder: {work}")
        Pipeline(recipe, work, report, compile_model).run(out)


if __name__ == "__main__":
    # glibc's allocator reads these when a process starts; with them it keeps the freed memory, and training is much
    # faster. A module that is run has no other place to set them.
    if any(name not in os.environ for name in _ALLOCATOR):
        os.environ.update(_ALLOCATOR)
        os.execv(sys.executable, [sys.executable, "-m", "steer_tui.engines.builtin.train", *sys.argv[1:]])
    main()
