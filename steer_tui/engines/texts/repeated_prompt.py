"""The prompt in front of a text that goes on from it: Neuronpedia's servers of before August 2026 send it along."""

from steer_tui.engines.texts.markers import end_marker


def length_of_prompt(prompt: str, first: str) -> int:
    """How much of the first text that comes is the prompt, behind a token that begins a text where there is one.

    A single token never holds a prompt of several words; one of a single word may be what the model wrote, and stays.
    """
    if len(prompt.split()) < 2:
        return 0
    begins, is_repeated, _ = first.partition(prompt)
    is_mark = begins in ("", "<bos>", "<s>", end_marker(begins))
    return len(begins) + len(prompt) if is_repeated and is_mark else 0
