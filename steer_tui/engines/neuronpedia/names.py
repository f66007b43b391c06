"""How a feature of Neuronpedia is named: `model/source/index`, or the address of its page."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from steer_tui.domain import NotFound, Rejected, safe_line

_WORD = r"[A-Za-z0-9][\w.\-]*"
_NAME = re.compile(rf"(?:(?P<model>{_WORD})/)?(?P<source>{_WORD})/(?P<index>\d{{1,9}})", re.ASCII)
_LAYERED = re.compile(rf"\d+-{_WORD}", re.ASCII)
_ADDRESS = re.compile(r"https?://|(?:www\.)?neuronpedia\.org/", re.IGNORECASE)
_PUBLIC_HOSTS = ("neuronpedia.org", "www.neuronpedia.org")


@dataclass(frozen=True, slots=True)
class FeatureName:
    """Where a feature stands at the service."""

    model: str
    source: str
    index: int

    @property
    def id(self) -> str:
        """The name as one text."""
        return f"{self.model}/{self.source}/{self.index}"


def read_id(id: str) -> FeatureName | None:
    """The name that a feature's id is, or None for a feature that is not of this service."""
    match = _NAME.fullmatch(id)
    return FeatureName(match["model"], match["source"], int(match["index"])) if match and match["model"] else None


def read_query(query: str, model: str, url: str) -> FeatureName | None:
    """The feature that a query names by its id or its page's address, or None where it is words to search for.

    Nothing is ever asked of a pasted address: only its path counts. Raises `Rejected` for one that is no feature's
    page, and `NotFound` for a feature of another model.
    """
    query = query.strip()
    match = _NAME.fullmatch(_path(query, url) if _ADDRESS.match(query) else query)
    if match is None or not (match["model"] or _LAYERED.fullmatch(match["source"])):
        if _ADDRESS.match(query):
            raise _no_page(query)
        return None
    name = FeatureName(match["model"] or model, match["source"], int(match["index"]))
    if name.model != model:
        raise NotFound(
            f"The feature {name.id} belongs to another model than {model}.",
            hint=f"Choose the model {name.model}, or a feature of {model}.",
        )
    return name


def _path(address: str, url: str) -> str:
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        host, own = parts.hostname, urlsplit(url)
    except ValueError as error:
        raise _no_page(address) from error
    if host not in (*_PUBLIC_HOSTS, own.hostname):
        raise Rejected(
            "That address is not one of Neuronpedia's.",
            hint="Paste the address of a feature's page, such as https://www.neuronpedia.org/model/source/index.",
        )
    path = parts.path.removeprefix(own.path.rstrip("/")).strip("/")
    return path.removeprefix("api/feature/")


def _no_page(address: str) -> Rejected:
    return Rejected(
        f"The address {safe_line(address[:200])} is not that of a feature's page.",
        hint="Such an address ends in model/source/index.",
    )
