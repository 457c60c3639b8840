"""Parts of a small study: pictures that tell what they are, and a server in a thread."""

import contextlib
import http.client
import json
import threading

import numpy as np

from imtrans.evaluation.study import Sessions, StudyServer, create_store
from imtrans.evaluation.study.pictures import read_pictures

BLUE, RED, GREEN = (30, 60, 200), (200, 60, 30), (30, 200, 60)


def picture_set(count, color=BLUE, *, side=16, prefix="p", first=0):
  """Pictures p0, p1, ... of a colour and a little noise."""

  def reader(index):
    noise = np.random.default_rng(index).integers(-20, 21, (side, side, 3))
    return lambda: np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)

  return read_pictures({f"{prefix}{i}": reader(i) for i in range(first, first + count)}, seed=0)


def describe(settings, real, generated):
  """What a database remembers."""
  methods = {name: pictures.describe() for name, pictures in generated.items()}
  return {"settings": settings._asdict(), "real": real.describe(), "methods": methods}


@contextlib.contextmanager
def served(path, settings, *, real=None, generated=None, port=0):
  """A server of a study in a thread; yields it and its store."""
  real = real or picture_set(40)
  generated = generated or {"ours": picture_set(40, RED)}
  description = describe(settings, real, generated)
  with StudyServer(port) as server, create_store(path, description) as store:
    server.sessions = Sessions(store, settings, real=real, generated=generated)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
      yield server, store
    finally:
      server.shutdown()
      thread.join()
      server.server_close()


def ask(server, method, path, body=None, headers=None):
  """One request; returns status, headers and the body, decoded if it is JSON."""
  connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
  sent = dict(headers or {})
  if body is not None and not isinstance(body, bytes):
    body = json.dumps(body).encode()
  if method == "POST":
    sent.setdefault("Content-Type", "application/json")
  connection.request(method, path, body, sent)
  response = connection.getresponse()
  content = response.read()
  connection.close()
  kind = response.headers["Content-Type"]
  return response.status, response.headers, json.loads(content) if "json" in kind else content


def post(server, path, **body):
  """A POST that must succeed."""
  status, _, reply = ask(server, "POST", path, body)
  assert status == 200, reply
  return reply


def play(server, store, choose, *, exposure):
  """Plays a whole session; `choose` gets (Trial, position) and returns 1 or 2."""
  participant = post(server, "/join")["participant"]
  number = store.find(participant).number
  state = {"finished": False}
  while not state["finished"]:
    position = post(server, "/round", participant=participant)["answered"]
    choice = choose(store.trial(number, position).trial, position)
    state = post(
      server,
      "/answer",
      participant=participant,
      position=position,
      choice=choice,
      exposures=[exposure, exposure],
      response=0.5 + 0.01 * position,
    )
  return number
