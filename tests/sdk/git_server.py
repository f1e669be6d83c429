"""A git server: `git http-backend` behind HTTP or HTTPS with basic authentication. For the SDK suites, inside a sandbox, and for
the daemon's own tests.

    python3 git_server.py FOLDER [CERTIFICATE]

Serves the bare repositories below FOLDER to me / "right word", those below FOLDER/public to everybody, on a port of 127.0.0.1 that
it prints. CERTIFICATE is a PEM file with its key. Below /forbidden/, /broken/, /hang/ and /elsewhere/ it answers 403, 500, never, and
with another name of the same host. FOLDER/seen gets a line for each request: host, path, whether it brought a password.
"""

import base64
import os
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOGIN = "Basic " + base64.b64encode(b"me:right word").decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path, _, query = self.path.partition("?")
        login = self.headers.get("Authorization")
        with open(os.path.join(ROOT, "seen"), "a") as seen:
            seen.write(f"{self.headers.get('Host')} {path} {'password' if login else '-'}\n")
        body = self.body()
        kind = path.split("/")[1]
        if kind == "elsewhere":
            target = path.removeprefix("/elsewhere")
            return self.answer(302, {"Location": f"http://localhost:{self.server.server_port}{target}?{query}"})
        if kind in ("forbidden", "broken"):
            return self.answer(403 if kind == "forbidden" else 500)
        if kind == "hang":
            self.connection.recv(1)
            return None
        if kind != "public" and login != LOGIN:
            return self.answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
        return self.backend(path, query, body)

    do_POST = do_GET

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def backend(self, path, query, body):
        variables = {
            "GIT_PROJECT_ROOT": ROOT,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH": os.environ["PATH"],
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "me",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            # Whoever owns the repositories.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        ended = subprocess.run(["git", "http-backend"], input=body, env=variables, stdout=subprocess.PIPE)
        head, _, content = ended.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.answer(int(headers.pop("Status", "200").split()[0]), headers, content)

    def answer(self, status, headers=None, content=b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ROOT = os.path.abspath(sys.argv[1])
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
