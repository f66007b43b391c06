"""What a training run is: its sizes and seed, and the folder where its parts are kept."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_path

from steer_tui.engines.builtin.train.pretraining import Phase


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, all of it fixed numbers and never a time budget."""

    seed: int = 0
    documents: int = 140_000
    held_out: int = 2_000
    steps: int = 1_900
    near_steps: int = 300
    nearest_steps: int = 800
    batch_tokens: int = 4_096
    sae_steps: int = 3_000
    sae_width: int = 1_024
    sae_batch: int = 2_048
    sae_documents: int = 16_000
    signature_documents: int = 8_000
    openings: int = 24
    screening_openings: int = 8
    judged_samples: int = 3
    text_tokens: int = 48

    @property
    def plan(self) -> tuple[Phase, ...]:
        """Plain training, then two shorter phases in which the late layers are short of sight and pushed."""
        return (
            Phase(self.steps),
            Phase(self.near_steps, sight=16, push=0.45),
            Phase(self.nearest_steps, sight=3, push=0.45),
        )

    def work_folder(self) -> Path:
        """The folder in the platform's cache for this recipe and this corpus."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        for path in sorted((Path(__file__).parent / "corpus").rglob("*")):
            if path.suffix in (".py", ".toml"):
                digest.update(path.read_bytes())
        return user_cache_path("steer-tui") / "train" / digest.hexdigest()[:16]
