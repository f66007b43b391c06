"""What is answered at each address."""

from dataclasses import replace

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from steer_tui.domain import GenerationRequest, InvalidValue, SteerError
from steer_tui.domain.public_names import public_name
from steer_tui.engines import Engine, LiveDials
from steer_tui.engines.services import LiveAtTimes, Searches
from steer_tui.server.answers import GenerationsTold, HealthTold, InfoTold, PassTold, QuotaTold, TurnTold
from steer_tui.server.asking import bare_request, named_dials
from steer_tui.server.bodies import DialsAsked, FeaturesAsked, GenerateAsked, read_generation, read_json, read_query
from steer_tui.server.clients import Clients
from steer_tui.server.keeping import Runs
from steer_tui.server.limiting import Limiter
from steer_tui.server.looking_up import LookUps, is_gone
from steer_tui.server.offer import Offer
from steer_tui.server.openapi import document
from steer_tui.server.receiving import receive_json
from steer_tui.server.refusing import Denial, denial_of
from steer_tui.server.runs import Run
from steer_tui.server.settings import ServeSettings
from steer_tui.server.sse import RunStream

WATCHED_MAX = 16
"""How many of its features' activations a generation tells."""


class Endpoints:
    """The handlers, and what they share."""

    def __init__(
        self, engine: Engine, settings: ServeSettings, offer: Offer, runs: Runs, limiter: Limiter, clients: Clients
    ) -> None:
        self._engine, self._settings, self._offer = engine, settings, offer
        self._runs, self._limiter, self._clients = runs, limiter, clients
        self._look_ups = LookUps(engine)

    async def generate(self, request: Request) -> Response:
        """Begin a generation, or go on behind an event of one."""
        if request.method == "HEAD":
            raise Denial(405, "method_not_allowed", "Method Not Allowed.")
        client = self._clients.client_of(request.scope).name
        if last := request.headers.get("last-event-id"):
            return self._resume(client, last)
        if request.method == "GET":
            asked = read_generation(request.query_params)
        else:
            asked = read_json(GenerateAsked, await receive_json(request))
        await self._limiter.check(client)
        self._runs.check()
        return self._stream(await self._begin(client, asked, request), 0)

    async def goodbye(self, request: Request) -> Response:
        """Cancel a generation, and forget it."""
        self._runs.forget(self._run(request))
        return Response(status_code=204)

    async def turn(self, request: Request) -> Response:
        """Let other dials act on a generation that runs."""
        run, engine = self._run(request), self._engine
        asked = read_json(DialsAsked, await receive_json(request))
        if not (isinstance(engine, LiveDials) and _turns_live(engine)):
            raise Denial(422, "unsupported", "This engine cannot turn dials while it generates.")
        try:
            index = await self._look_ups.make(request.receive, self._turned(engine, run, asked))
        except SteerError as error:
            raise denial_of(error) from error
        return JSONResponse(TurnTold(index=index).to_wire())

    async def features(self, request: Request) -> Response:
        """What can be steered by."""
        asked = read_query(FeaturesAsked, request.query_params)
        try:
            page = self._offer.page(asked.q, asked.offset, asked.limit)
            found, following = await self._look_ups.make(request.receive, page)
        except SteerError as error:
            raise denial_of(error) from error
        return JSONResponse({"features": found, "nextOffset": following})

    async def info(self, _: Request) -> Response:
        """What the engine is, and how busy."""
        info, slots = self._engine.info, self._runs.slots
        told = InfoTold(
            name=info.name,
            model=public_name(info.model),
            methods=info.methods,
            lanes=info.lanes,
            quota=None if info.quota is None else QuotaTold(remaining=info.quota.remaining, limit=info.quota.limit),
            context=info.context,
            live_dials=_turns_live(self._engine),
            searches=isinstance(self._engine, Searches),
            rate_limit=self._limiter.policy,
            generation_seconds=self._settings.generation_seconds,
            keep_seconds=self._settings.keep_seconds,
            generations=GenerationsTold(
                running=slots.running, waiting=slots.waiting, at_once=slots.at_once, queue=slots.queue
            ),
        )
        return JSONResponse(told.to_wire())

    async def health(self, _: Request) -> Response:
        """The server answers."""
        return JSONResponse(HealthTold().to_wire())

    async def token(self, request: Request) -> Response:
        """A short-lived token for this client's EventSource."""
        made = self._clients.issue_pass(self._clients.client_of(request.scope))
        told = PassTold(token=made, expires_in=int(self._clients.pass_seconds))
        return JSONResponse(told.to_wire(), headers={"Cache-Control": "no-store"})

    async def openapi(self, _: Request) -> Response:
        """The document of all this."""
        return JSONResponse(document())

    async def _turned(self, engine: LiveDials, run: Run, asked: DialsAsked) -> int | None:
        named = await named_dials(self._engine, self._offer, asked.steering_vector)
        watched = named.features[:WATCHED_MAX] if run.request.watched else ()
        return await engine.turn(run.request, named.vector, watched)

    async def _begin(self, client: str, asked: GenerateAsked, came: Request) -> Run:
        try:
            request = bare_request(asked)
        except InvalidValue as error:
            raise Denial(422, "rejected", str(error)) from None
        try:
            request = await self._look_ups.make(came.receive, self._with_dials(request, asked))
        except SteerError as error:
            return self._runs.refused(client, request, error)
        place = self._runs.take_place()
        try:
            if await is_gone(came.receive):
                raise ClientDisconnect
            await self._limiter.count(client)
            return self._runs.begin(client, request, place, resumes=asked.options.resume)
        except BaseException:
            place.leave()
            raise

    async def _with_dials(self, request: GenerationRequest, asked: GenerateAsked) -> GenerationRequest:
        named = await named_dials(self._engine, self._offer, asked.steering_vector)
        watched = named.features[:WATCHED_MAX] if asked.options.return_activations else ()
        if asked.options.return_activations and not watched:
            watched = tuple(await self._offer.watched_without_dials())
        return replace(request, vector=named.vector, watched=watched)

    def _resume(self, client: str, last: str) -> Response:
        found = self._runs.find_event(client, last)
        if found is None:
            message = "The run of this event is gone, or was never yours."
            raise Denial(410, "gone", message, hint="Begin a new generation.")
        run, after = found
        if run.has_ended and after == len(run.log):
            return Response(status_code=204)
        return self._stream(run, after)

    def _stream(self, run: Run, after: int) -> Response:
        waiting = self._runs.slots.waiting if run.is_queued else 0
        headers = {"Steer-Run": run.name, "Queue-Length": str(waiting)}
        return RunStream(self._runs, run, after, self._settings.heartbeat_seconds, headers)

    def _run(self, request: Request) -> Run:
        run = self._runs.find(self._clients.client_of(request.scope).name, request.path_params["run"])
        if run is None:
            raise Denial(404, "not_found", "There is no such run.")
        return run


def _turns_live(engine: Engine) -> bool:
    """Whether dials turn while a text comes: of another gateway, whether those of the engine behind it do."""
    return isinstance(engine, LiveDials) and (not isinstance(engine, LiveAtTimes) or engine.turns_live)
