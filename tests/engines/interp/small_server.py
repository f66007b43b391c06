"""A program with the command line and the /health of an interp-engine server, which loads no model.

What else it does, its further options say; a test hands them over as the server's own arguments.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--host", required=True)
parser.add_argument("--port", required=True, type=int)
parser.add_argument("--folder", type=Path, help="where it notes what it is, one file a start, and looks for signs")
parser.add_argument("--say", default="", help="what it writes to its log when it starts")
parser.add_argument("--exit", type=int, help="end at once, with this code")
parser.add_argument("--wait-for", help="load until a file of this name is in the folder")
parser.add_argument("--failure", default="", help="say that the model could not be loaded")
parser.add_argument("--starts-that-fail", type=int, default=0, help="how many starts find their port taken")
parser.add_argument("--starts-of-another", type=int, default=0, help="how many starts meet a server of another model")
parser.add_argument("--deaf", action="store_true", help="do not end when asked to")
parser.add_argument("--worker", action="store_true", help="start a process of its own")
options = parser.parse_args()

# The port is bound before anything is noted: a start that meets another program there, as happens where many tests
# run at once, is begun again by the app, and no test means to count it.
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    listening.bind((options.host, options.port))
except OSError as error:
    sys.exit(str(error))

starts = 0
if options.deaf:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen(["sleep", "600"]).pid if options.worker else None
if options.folder:
    starts = len(list(options.folder.glob("start-*.json")))
    told = {"pid": os.getpid(), "worker": worker, "environment": dict(os.environ), "arguments": sys.argv}
    note = options.folder / f"start-{starts}.json"
    note.with_suffix(".new").write_text(json.dumps(told))
    note.with_suffix(".new").rename(note)
sys.stderr.write(options.say)
sys.stderr.flush()
if starts < options.starts_that_fail:
    sys.exit("ERROR:    [Errno 98] error while attempting to bind on address: address already in use")
if options.exit is not None:
    sys.exit(options.exit)


def health() -> tuple[str, dict[str, str]]:
    answer = {"status": "ready", "model": "another/model" if starts < options.starts_of_another else options.model}
    if options.failure:
        answer |= {"status": "failed", "error": options.failure}
    elif options.wait_for and not (options.folder / options.wait_for).exists():
        answer["status"] = "loading"
    return "200 OK" if answer["status"] == "ready" else "503 Service Unavailable", answer


# A bare socket: Python's modules for HTTP would take as long to load as all the rest of this program.
with listening:
    listening.listen()
    while True:
        connection, _ = listening.accept()
        with suppress(OSError), connection, connection.makefile("rwb") as stream:  # who asked may be gone
            while stream.readline().strip():
                pass
            status, answer = health()
            body = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            stream.write(f"{head}Connection: close\r\n\r\n".encode() + body)
