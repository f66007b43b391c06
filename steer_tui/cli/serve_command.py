"""The command that serves an engine to others."""

from pathlib import Path
from typing import Any

import click

from steer_tui.cli.options import Flags, utf8, vector_options


@click.command()
@vector_options
@click.option(
    "--host",
    callback=utf8,
    metavar="HOST",
    help="Where it listens; without this flag 127.0.0.1, for programs on this machine. Any other needs a token.",
)
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="8765 without this flag; 0 takes a free one.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A token a line, each for a client of its own; nobody is answered without one. "
    "Without a file: the variable STEER_TUI_SERVE_TOKEN, where it is set.",
)
@click.option(
    "--rate-limit",
    callback=utf8,
    metavar="N/TIME",
    help="The generations that each client may begin, such as 10/minute (without this flag) or 100/hour.",
)
@click.option(
    "--storage",
    callback=utf8,
    metavar="URI",
    help="Where they are counted, such as redis://host:6379 for several processes; without it, in this process.",
)
@click.option(
    "--allow-origin",
    "origins",
    callback=utf8,
    metavar="ORIGIN",
    multiple=True,
    help="Pages from there may ask from a browser, such as https://lab.example; may be given more than once.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    callback=utf8,
    metavar="ADDRESS",
    multiple=True,
    help="An address or a network whose X-Forwarded-For is believed; may be given more than once.",
)
@click.option(
    "--keep",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long a generation waits for a client that was lost; 60 without this flag.",
)
def serve(
    host: str | None,
    port: int | None,
    token_file: Path | None,
    rate_limit: str | None,
    storage: str | None,
    origins: tuple[str, ...],
    trusted_proxies: tuple[str, ...],
    keep: float | None,
    **flags: Any,
) -> None:
    """Serve the engine to terminals, scripts and browsers, over Server-Sent Events.

    Another machine's `steer-tui --url http://HOST:PORT` drives it like an engine of its own; GET /openapi.json tells
    everything that can be asked. Ctrl-C and SIGTERM end it in good order. More can be set in the config under [serve].
    """
    from steer_tui.cli.serve import require_server, run_server
    from steer_tui.cli.settings import read_settings

    require_server()
    from steer_tui.cli.serve_settings import ServeFlags, read_serve_settings

    if flags["chat"] is not None:
        raise click.UsageError(
            "Whether a prompt is a chat message is for each request to say.", click.get_current_context()
        )
    settings = read_settings(Flags(**flags))
    given = ServeFlags(host, port, token_file, rate_limit, storage, origins, trusted_proxies, keep)
    run_server(settings, read_serve_settings(given, settings.loaded))
