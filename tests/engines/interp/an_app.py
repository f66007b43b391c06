"""An app of some servers: `an_app.py FOLDER HOW KIND...` notes in the folder of each that it is ready.

HOW is `careful`, which closes the servers whatever happens, or `careless`, which fails then without closing them.
"""

import asyncio
import sys
from pathlib import Path

from engines.interp.processes import Place

KINDS = {"ready": (), "deaf": ("--deaf", "--worker"), "loading": ("--wait-for", "ever")}
"""The arguments of each kind of server."""


async def serve(folder: Path, how: str, kind: str) -> None:
    place = Place(folder / kind)
    place.folder.mkdir()
    server = place.managed(*KINDS[kind])
    try:
        await server.address()
        place.give("ready")
        if how == "careless":
            raise RuntimeError("an error that nobody foresaw")
        await asyncio.Event().wait()
    finally:
        if how == "careful":
            await server.aclose()


async def main(folder: Path, how: str, kinds: list[str]) -> None:
    async with asyncio.TaskGroup() as servers:
        for kind in kinds:
            servers.create_task(serve(folder, how, kind))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
