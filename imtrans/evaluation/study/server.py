"""A study as a page of this machine: HTTP around `sessions`, with the standard library alone.

The server listens on the loopback interface only. A request is answered if it names this server as
its host (so that no foreign page reaches it under a name of its own), is a GET or POST of a known
route, and a POST is small JSON from no other page. No part of a request becomes a file name, and
what goes wrong inside is told to the console, not to the client. `study.html` is the page; it may
load nothing but its own pictures.
"""

import base64
import contextlib
import hashlib
import json
import re
import socket
import socketserver
import sys
from functools import lru_cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from imtrans.evaluation.pages.style import with_base_style
from imtrans.evaluation.study.sessions import Refused, Sessions

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("study.html")
LARGEST_BODY = 4096  # Bytes; an answer takes about 150.
ANSWER_FIELDS = ("participant", "position", "choice", "exposures", "response")
PICTURE = re.compile(r"/picture/([A-Za-z0-9_-]{22})")


class StudyServer(ThreadingHTTPServer):
  """Serves one study on the loopback interface. Use as a context manager.

  Attributes:
    sessions: of the study; set before `serve_forever`.
    url: of the page.
    hosts: what the Host header of a request may be.
  """

  daemon_threads = True
  sessions: Sessions

  def __init__(self, port: int):
    """Binds a port.

    Args:
      port: of the loopback interface; 0 takes a free one.

    Raises:
      ValueError: if the port cannot be had.
    """
    if not 0 <= port <= 65535:
      raise ValueError(f"--port must be 0 to 65535, got {port}.")
    self._connections: set[socket.socket] = set()
    try:
      super().__init__((HOST, port), _Handler)
    except OSError as error:
      raise ValueError(
        f"port {port} cannot be had ({error.strerror}): choose another by --port, or 0 for a free "
        "one."
      ) from None
    self.url = f"http://{HOST}:{self.server_port}/"
    names = (HOST, "localhost")
    self.hosts = {f"{name}:{self.server_port}" for name in names}
    if self.server_port == 80:
      self.hosts |= set(names)

  def server_bind(self) -> None:
    """Binds, without the look-up of the machine's name that HTTPServer would add."""
    socketserver.TCPServer.server_bind(self)
    self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

  def finish_request(self, request: Any, client_address: Any) -> None:
    """Answers the requests of a connection, which `server_close` can end from outside."""
    self._connections.add(request)
    try:
      super().finish_request(request, client_address)
    finally:
      self._connections.discard(request)

  def server_close(self) -> None:
    """Frees the port, and ends the connections that browsers keep open."""
    super().server_close()
    for connection in list(self._connections):
      with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

  def handle_error(self, request: Any, client_address: Any) -> None:
    """Keeps silent about a connection that broke: the browser was closed."""


class _Handler(BaseHTTPRequestHandler):
  """Answers the requests of one connection."""

  server: Any  # A `StudyServer`.
  protocol_version = "HTTP/1.1"
  timeout = 30  # Seconds that a client may keep a thread waiting.

  def do_GET(self) -> None:
    self._answer(self._get)

  def do_POST(self) -> None:
    self._answer(self._post)

  def _answer(self, respond: Any) -> None:
    """Checks the host, responds, and turns what is raised into a status."""
    try:
      hosts = self.headers.get_all("Host") or [""]
      if not self.server.hosts.issuperset(hosts):
        raise Refused(421, "this server has another name")
      respond()
    except Refused as refused:
      # The body may not have been read: the connection cannot be used for another request.
      self.close_connection = True
      self._reply_json({"error": str(refused)}, refused.status)
    except OSError:
      self.close_connection = True  # The browser has gone.
    except Exception as error:
      self.close_connection = True
      print(f"imtrans: {self.path!r} failed: {error!r}", file=sys.stderr)
      self._reply_json({"error": "the server failed; its console says why"}, 500)

  def _get(self) -> None:
    found = PICTURE.fullmatch(self.path)
    if self.path == "/":
      page, policy = load_page()
      self._reply(page, "text/html; charset=utf-8", policy=policy)
    elif self.path == "/study":
      self._reply_json(self.server.sessions.describe())
    elif found:
      file = self.server.sessions.picture(found[1])
      if file is None:
        raise Refused(404, "there is no such picture, or no longer")
      self._reply(file, "image/png")
    else:
      raise Refused(404, "there is nothing here")

  def _post(self) -> None:
    sessions = self.server.sessions
    routes = {
      "/join": (sessions.join, ()),
      "/state": (sessions.state, ("participant",)),
      "/round": (sessions.round, ("participant",)),
      "/answer": (sessions.answer, ANSWER_FIELDS),
    }
    if self.path not in routes:
      raise Refused(404, "there is nothing here")
    origin = self.headers.get("Origin")
    if origin is not None and origin.removeprefix("http://") not in self.server.hosts:
      raise Refused(403, "another page sent this")
    function, fields = routes[self.path]
    body = self._body()
    if body.keys() != set(fields):
      raise Refused(400, f"the body must have the fields {', '.join(fields) or '(none)'}")
    self._reply_json(function(**body))

  def _body(self) -> dict[str, Any]:
    """Returns the JSON object of a request."""
    if self.headers.get_content_type() != "application/json":
      raise Refused(415, "the body must be application/json")
    length = self.headers.get("Content-Length", "")
    if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,9}", length):
      raise Refused(411, "the body must have a Content-Length")
    if int(length) > LARGEST_BODY:
      raise Refused(413, f"the body must not exceed {LARGEST_BODY} bytes")
    try:
      body = json.loads(self.rfile.read(int(length)))
    except (ValueError, RecursionError):
      raise Refused(400, "the body is not JSON") from None
    if not isinstance(body, dict):
      raise Refused(400, "the body must be a JSON object")
    return body

  def _reply_json(self, value: dict[str, Any], status: int = 200) -> None:
    self._reply(json.dumps(value).encode(), "application/json", status=status)

  def _reply(
    self, content: bytes, kind: str, *, status: int = 200, policy: str = "default-src 'none'"
  ) -> None:
    self.send_response(status)
    for name, value in (
      ("Content-Type", kind),
      ("Content-Length", str(len(content))),
      ("Content-Security-Policy", f"{policy}; frame-ancestors 'none'"),
      ("Cache-Control", "no-store"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
      ("Cross-Origin-Opener-Policy", "same-origin"),
      ("Referrer-Policy", "no-referrer"),
      ("X-Content-Type-Options", "nosniff"),
      *([("Connection", "close")] if self.close_connection else []),
    ):
      self.send_header(name, value)
    self.end_headers()
    self.wfile.write(content)

  def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
    """Replies to what is no request, or of another method, without echoing any of it."""
    del message, explain
    self.close_connection = True
    self._reply_json({"error": HTTPStatus(code).phrase.lower()}, code)

  def version_string(self) -> str:
    return "imtrans"

  def log_message(self, format: str, *arguments: Any) -> None:
    del format, arguments  # The console is for the researcher, a line a participant.


@lru_cache(maxsize=1)
def load_page() -> tuple[bytes, str]:
  """Returns the page and its Content-Security-Policy, which names its style and script by hash."""
  text = with_base_style(PAGE.read_text(encoding="utf-8"))

  def sources(tag: str) -> str:
    blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digests = (hashlib.sha256(block.encode()).digest() for block in blocks)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)

  policy = (
    f"default-src 'none'; script-src {sources('script')}; style-src {sources('style')}; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
  )
  return text.encode(), policy
