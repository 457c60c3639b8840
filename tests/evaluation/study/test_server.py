"""The server from outside: what it tells, and what it refuses."""

import base64
import hashlib
import io
import json
import re
import socket

import numpy as np
import pytest
from PIL import Image

from imtrans.evaluation.study.server import LARGEST_BODY, StudyServer
from imtrans.evaluation.study.trials import CATCH, PRACTICE, Settings
from tests.evaluation.study.parts import GREEN, RED, ask, picture_set, play, post, served

SETTINGS = Settings(trials=4, practice=2, catch=0.25, exposure=1.0)


@pytest.fixture
def study(tmp_path):
  with served(tmp_path / "study.sqlite", SETTINGS) as (server, store):
    yield server, store


def _color(file):
  with Image.open(io.BytesIO(file)) as picture:
    return np.asarray(picture).reshape(-1, 3).mean(0)


def _round(server, participant):
  """The state and the two pictures of a round."""
  state = post(server, "/round", participant=participant)
  files = [ask(server, "GET", f"/picture/{token}")[2] for token in state["pictures"]]
  return state, files


def _answer(server, participant, position, choice=1, **changes):
  fields = {"exposures": [1.0, 1.0], "response": 1.0, **changes}
  body = {"participant": participant, "position": position, "choice": choice, **fields}
  return ask(server, "POST", "/answer", body)


def test_a_whole_session(study):
  server, store = study
  participant = post(server, "/join")["participant"]
  assert post(server, "/state", participant=participant) == {"answered": 0, "finished": False}
  for position in range(6):
    _, files = _round(server, participant)
    trial = store.trial(0, position).trial
    blue, red = (files[1], files[0]) if trial.generated_first else files
    assert _color(blue)[2] > 180
    if trial.kind == CATCH:
      assert np.ptp(_color(red)) < 130  # Half of it is noise.
    else:
      assert _color(red)[0] > 180
    status, _, reply = _answer(server, participant, position, choice=2)
    assert status == 200 and reply["answered"] == position + 1
    if trial.kind == PRACTICE:
      assert reply["generated"] == trial.generated_place
      assert reply["correct"] == (trial.generated_place == 2)
    else:
      assert set(reply) == {"answered", "finished"}
  assert reply["finished"]
  assert post(server, "/round", participant=participant) == {"answered": 6, "finished": True}
  assert [record.answer.chosen for record in store.records()] == [2] * 6


def test_nothing_tells_which_picture_is_real(study):
  server, store = study
  names = {"p", "real", "generated", "ours", "catch", "scored"}
  participant = post(server, "/join")["participant"]
  texts = [json.dumps(ask(server, "GET", "/study")[2])]
  for position in range(6):
    status, headers, state = ask(server, "POST", "/round", {"participant": participant})
    assert set(state) == {"answered", "finished", "pictures"}
    shown = {**state, "pictures": len(state["pictures"])}  # Tokens are random letters.
    texts += [json.dumps(shown), str(headers)]
    seen = []
    for token in state["pictures"]:
      status, headers, file = ask(server, "GET", f"/picture/{token}")
      assert status == 200 and len(token) == 22
      seen.append({k: v for k, v in headers.items() if k not in ("Date", "Content-Length")})
      assert not re.search(rb"tEXt|iTXt|zTXt|eXIf|tIME|iCCP", file)
    assert seen[0] == seen[1]
    reply = _answer(server, participant, position)[2]
    if store.trial(0, position).trial.kind != PRACTICE:
      texts.append(json.dumps(reply))
  words = {word for text in texts for word in re.findall(r"[a-z]+", text.lower())}
  assert not words & names, words & names


def test_secrets_of_pictures_are_new_each_time_and_end_with_the_round(study):
  server, _ = study
  participant = post(server, "/join")["participant"]
  first, _ = _round(server, participant)
  second, _ = _round(server, participant)
  assert not set(first["pictures"]) & set(second["pictures"])
  assert ask(server, "GET", f"/picture/{first['pictures'][0]}")[0] == 404
  assert ask(server, "GET", f"/picture/{second['pictures'][0]}")[0] == 200
  assert _answer(server, participant, 0)[0] == 200
  assert ask(server, "GET", f"/picture/{second['pictures'][0]}")[0] == 404


def test_an_answer_can_be_sent_again_and_a_reload_is_noted(study):
  server, store = study
  participant = post(server, "/join")["participant"]
  _round(server, participant)
  _round(server, participant)
  first = _answer(server, participant, 0, choice=1)[2]
  again = _answer(server, participant, 0, choice=2)[2]
  assert first == again
  record = store.trial(0, 0)
  assert record.answer.chosen == 1 and record.presentations == 2


def test_a_server_that_was_stopped_goes_on(tmp_path):
  path = tmp_path / "study.sqlite"
  with served(path, SETTINGS) as (server, _):
    study = ask(server, "GET", "/study")[2]
    participant = post(server, "/join")["participant"]
    _round(server, participant)
    _answer(server, participant, 0)
    _round(server, participant)
  with served(path, SETTINGS) as (server, store):
    assert ask(server, "GET", "/study")[2] == study
    # The answer to what the first server showed arrives at the second.
    assert _answer(server, participant, 1)[2]["answered"] == 2
    state, _ = _round(server, participant)
    assert state["answered"] == 2
    assert [record.presentations for record in store.records()] == [1, 1, 1, 0, 0, 0]


def test_methods_are_shared_out_evenly(tmp_path):
  generated = {"reds": picture_set(40, RED), "greens": picture_set(40, GREEN)}
  with served(tmp_path / "s.sqlite", SETTINGS, generated=generated) as (server, store):
    for number in range(4):
      play(server, store, lambda trial, position: trial.generated_place, exposure=1.0)
      method = store.records()[-1].method
      participant = post(server, "/join")["participant"]
      _, files = _round(server, participant)
      number = store.find(participant).number
      made = files[store.trial(number, 0).trial.generated_place - 1]
      method = store.find(participant).method
      assert np.argmax(_color(made)) == {"reds": 0, "greens": 1}[method]
    methods = {record.participant: record.method for record in store.records()}
  assert sorted(methods.values()) == ["greens"] * 4 + ["reds"] * 4


@pytest.mark.parametrize(
  ("changes", "status"),
  [
    ({"participant": "nobody"}, 404),
    ({"participant": "\ud800"}, 404),
    ({"participant": 5}, 404),
    ({"position": 1}, 409),
    ({"position": 6}, 400),
    ({"position": -1}, 400),
    ({"position": True}, 400),
    ({"position": 0.0}, 400),
    ({"choice": 3}, 400),
    ({"choice": True}, 400),
    ({"choice": "1"}, 400),
    ({"exposures": [1.0]}, 400),
    ({"exposures": [1.0, float("nan")]}, 400),
    ({"exposures": {"0": 1, "1": 1}}, 400),
    ({"exposures": [-1, 1]}, 400),
    ({"response": float("inf")}, 400),
    ({"response": 10**400}, 400),
    ({"response": None}, 400),
    ({"more": 1}, 400),
  ],
)
def test_answers_that_make_no_sense(study, changes, status):
  server, store = study
  participant = post(server, "/join")["participant"]
  _round(server, participant)
  fields = {"participant": participant, "position": 0, "choice": 1, "exposures": [1, 1]}
  body = json.dumps({**fields, "response": 1, **changes}).encode()
  found, _, reply = ask(server, "POST", "/answer", body)
  assert found == status and set(reply) == {"error"}
  assert all(record.answer is None for record in store.records())


def test_a_round_that_was_not_shown_cannot_be_answered(study):
  server, _ = study
  participant = post(server, "/join")["participant"]
  assert _answer(server, participant, 0)[0] == 409


@pytest.mark.parametrize(
  ("method", "path", "body", "headers", "status"),
  [
    ("GET", "/", None, {"Host": "evil.example"}, 421),
    ("GET", "/study", None, {"Host": "127.0.0.1:1"}, 421),
    ("GET", "/study", None, {"Host": "127.0.0.1"}, 421),
    ("GET", "/study.html", None, {}, 404),
    ("GET", "/?x", None, {}, 404),
    ("GET", "/../server.py", None, {}, 404),
    ("GET", "/picture/../../../../etc/passwd", None, {}, 404),
    ("GET", "/picture/" + "A" * 22, None, {}, 404),
    ("GET", "/join", None, {}, 404),
    ("POST", "/", {}, {}, 404),
    ("POST", "/join", {}, {"Host": "evil.example"}, 421),
    ("POST", "/join", {}, {"Origin": "http://evil.example"}, 403),
    ("POST", "/join", {}, {"Origin": "null"}, 403),
    ("POST", "/join", {}, {"Content-Type": "text/plain"}, 415),
    ("POST", "/join", {}, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("POST", "/join", {"x": 1}, {}, 400),
    ("POST", "/join", [], {}, 400),
    ("POST", "/join", b"", {}, 400),
    ("POST", "/join", b"\xff\xfe", {}, 400),
    ("POST", "/join", b"[" * LARGEST_BODY, {}, 400),
    ("POST", "/join", b" " * (LARGEST_BODY + 1), {}, 413),
    ("POST", "/join", b"{}", {"Content-Length": "-1"}, 411),
    ("POST", "/join", b"{}", {"Content-Length": "9" * 30}, 411),
    ("POST", "/join", b"{}", {"Transfer-Encoding": "chunked"}, 411),
    ("PUT", "/join", b"{}", {}, 501),
    ("DELETE", "/study", None, {}, 501),
    ("OPTIONS", "/study", None, {}, 501),
    ("<script>", "/", None, {}, 501),
  ],
)
def test_requests_that_are_refused(study, method, path, body, headers, status):
  server, store = study
  found, answered, reply = ask(server, method, path, body, headers)
  assert found == status
  assert set(reply) == {"error"} and "script" not in reply["error"]
  assert answered["Content-Security-Policy"].startswith("default-src 'none'")
  assert answered["Connection"] == "close"
  assert store.records() == []


def _raw(server, data):
  with socket.create_connection(("127.0.0.1", server.server_port), timeout=5) as connection:
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    chunks = iter(lambda: connection.recv(4096), b"")
    return b"".join(chunks)


@pytest.mark.parametrize(
  "data",
  [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: evil.example\r\n\r\n",
    b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"",
  ],
)
def test_what_is_hardly_a_request(study, data):
  server, _ = study
  reply = _raw(server, data.replace(b"%d", str(server.server_port).encode()))
  assert b"Traceback" not in reply and b"200 OK" not in reply and b"python" not in reply.lower()
  assert ask(server, "GET", "/study")[0] == 200  # It goes on.


def test_both_names_of_the_machine_are_known(study):
  server, _ = study
  for name in ("127.0.0.1", "localhost"):
    host = f"{name}:{server.server_port}"
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert ask(server, "POST", "/join", {}, headers)[0] == 200


def test_it_listens_on_the_loopback_interface_alone(study):
  server, _ = study
  assert server.socket.getsockname()[0] == "127.0.0.1"
  assert server.url == f"http://127.0.0.1:{server.server_port}/"


def test_the_page_may_load_nothing_but_its_pictures(study):
  server, _ = study
  status, headers, page = ask(server, "GET", "/")
  text = page.decode()
  policy = headers["Content-Security-Policy"]
  assert status == 200 and "frame-ancestors 'none'" in policy
  for tag in ("script", "style"):
    (block,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
    assert f"{tag}-src 'sha256-{digest}'" in policy
  assert "unsafe" not in policy and "http" not in policy and "*" not in policy
  assert not re.search(r'https?://|//[a-z]+\.|@import|url\(|style="|\son[a-z]+="', text)
  assert headers["Cache-Control"] == "no-store" and headers["Server"] == "imtrans"
  assert headers["X-Content-Type-Options"] == "nosniff"
  assert "prefers-color-scheme: dark" in text and "width=device-width" in text


def test_failures_inside_are_told_to_the_console_alone(study, monkeypatch, capsys):
  server, store = study

  def fail(*arguments):
    raise RuntimeError("a secret of /home")

  monkeypatch.setattr(store, "find", fail)
  status, _, reply = ask(server, "POST", "/state", {"participant": "x"})
  assert status == 500 and "secret" not in str(reply)
  told = capsys.readouterr().err
  assert "'/state' failed: RuntimeError('a secret of /home')" in told and "Traceback" not in told


def test_a_port_that_cannot_be_had(study):
  server, _ = study
  with pytest.raises(ValueError, match=rf"port {server.server_port} cannot be had .*--port, or 0"):
    StudyServer(server.server_port)
  for port in (-1, 65536):
    with pytest.raises(ValueError, match=f"0 to 65535, got {port}"):
      StudyServer(port)
