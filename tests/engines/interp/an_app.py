"""An app of one server: `an_app.py FOLDER HOW ARGUMENTS...` notes in the folder that the server is ready.

HOW is `careful`, which closes the server whatever happens, or `careless`, which fails then without closing it.
"""

import asyncio
import sys
from pathlib import Path

from engines.interp.processes import Place


async def main(folder: Path, how: str, arguments: list[str]) -> None:
    place = Place(folder)
    server = place.managed(*arguments)
    try:
        await server.address()
        place.give("ready")
        if how == "careless":
            raise RuntimeError("an error that nobody foresaw")
        await asyncio.Event().wait()
    finally:
        if how == "careful":
            await server.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
