"""The routes of `gan play`: its page, the options that it offers, and the commands to the session."""

import json

from werkzeug import Request, Response
from werkzeug.routing import Map, Rule

from gan.config.changed_settings import choices
from gan.demo.play_session import DATA, Session
from gan.demo.routes import file_route, page_route
from gan.demo.server import as_json
from gan.system.errors import GanError

SCRIPTS = ("play.js", "plane.js", "requests.js", "elements.js", "chart.js")


def play_routes(session: Session) -> Map:
    """All routes of the page of a session."""
    options = {"data": DATA, **choices()}

    def command(request: Request) -> Response:
        try:
            asked = json.loads(request.get_data())
        except ValueError as error:
            raise GanError(f"a command in JSON expected: {error}") from error
        if not isinstance(asked, dict):
            raise GanError("a command in JSON expected: an object with the key 'do'")
        return as_json(session.command(asked))

    found = {"/": page_route("play"), "/page.css": file_route("page.css", "text/css; charset=utf-8")}
    found |= {f"/{name}": file_route(name, "text/javascript; charset=utf-8") for name in SCRIPTS}
    found["/api/options"] = lambda request: as_json(options)
    rules = [Rule(address, methods=["GET"], endpoint=route) for address, route in found.items()]
    return Map([*rules, Rule("/api/play", methods=["POST"], endpoint=command)], merge_slashes=False)
