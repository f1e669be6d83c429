"""Runs Python for the daemon, one text after another, in one namespace.

Requests come and results go over a socket that the daemon gives as stdin, one JSON object a line. What the user's
code prints goes to stdout and stderr as any program's output, so that threads and subprocesses print there too.
"""

import sys

HERE = sys.path[:1] == [""]
if HERE:  # A file beside the user's code may have the name of a module that is needed here.
    del sys.path[0]

import array
import fcntl
import io
import json
import linecache
import os
import signal
import socket
import termios
import time
import traceback
import types

if HERE:
    sys.path.insert(0, "")

FILE = "<stdin>"
PID = os.getpid()
# Sources that are kept to show lines of functions defined earlier.
MOST_SOURCES, LONGEST_SOURCE = 256, 1 << 20
LONGEST_VALUE, LONGEST_TRACEBACK = 8 << 10, 16 << 10
LIBRARY = os.path.dirname(os.__file__) + os.sep

state = types.SimpleNamespace(running=False, count=0, sources=[])
main = types.ModuleType("__main__")


class Pipe(io.FileIO):
    """Writes when the daemon has read what is in the other pipe: that was printed before, and is to be seen before."""

    def __init__(self, fd, other, name):
        super().__init__(fd, "w", closefd=False)
        self.other, self.name = other, name

    def write(self, data):
        unread = array.array("i", [0])
        for _ in range(200):  # A slow reader is not waited for beyond this.
            try:
                fcntl.ioctl(self.other, termios.FIONREAD, unread)
            except OSError:
                break
            if unread[0] == 0:
                break
            time.sleep(0.0005)
        return super().write(data)


def stream(fd, other, name):
    buffer = io.BufferedWriter(Pipe(fd, other, name))
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def open_streams():
    """Also anew, when the user's code closed them."""
    if getattr(sys.stdout, "closed", True):
        sys.stdout = sys.__stdout__ = stream(1, 2, "<stdout>")
    if getattr(sys.stderr, "closed", True):
        sys.stderr = sys.__stderr__ = stream(2, 1, "<stderr>")


def flush():
    for file in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
        try:
            file.flush()
        except Exception:  # The user's own, or closed.
            pass


def on_interrupt(_signal, _frame):
    """Once for each execution, so that what is done about it is not interrupted itself; never between two."""
    if state.running:
        state.running = False
        raise KeyboardInterrupt


def remember(code):
    """A name of its own for each source: a function that was defined earlier must not show the lines of a later one."""
    state.count += 1
    file = f"<stdin-{state.count}>"
    if len(code) <= LONGEST_SOURCE:
        linecache.cache[file] = (len(code), None, code.splitlines(True), file)
        state.sources.append(file)
    if len(state.sources) > MOST_SOURCES:
        linecache.cache.pop(state.sources.pop(0), None)
    return file


def is_ours(file):
    return isinstance(file, str) and file.startswith("<stdin-") and file.endswith(">")


def is_users(file):
    """Neither this program nor a library."""
    if is_ours(file):
        return True
    packages = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
    return os.path.isabs(file) and not file.startswith(LIBRARY) and not any(part in file for part in packages)


def tidy(report):
    """Only the user's frames, also of the errors that this one came from."""
    seen, todo = set(), [report]
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if is_users(frame.filename)])
        for frame in part.stack:
            if is_ours(frame.filename):
                frame.filename = FILE
        if is_ours(getattr(part, "filename", None)):
            part.filename = FILE
        todo += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or [])]
    return report


def shorten(text, limit):
    if len(text) <= limit:
        return text
    start = limit // 4
    return f"{text[:start]}\n[... {len(text) - limit} characters left out ...]\n{text[start - limit:]}"


def describe(error):
    if isinstance(error, SyntaxError) and is_ours(error.filename):
        error.filename = FILE
    try:
        value = str(error)
    except Exception:
        value = "<the exception cannot be shown as text>"
    try:
        lines = "".join(tidy(traceback.TracebackException.from_exception(error)).format())
    except Exception:  # An exception class may do anything when it is looked at.
        lines = f"{type(error).__name__}: {value}\n"
    return {
        "name": type(error).__name__,
        "value": shorten(value, LONGEST_VALUE),
        "traceback": shorten(lines, LONGEST_TRACEBACK),
    }


def execute(code):
    """What is told about it: whether it was interrupted, and by which exception it ended."""
    file = remember(code)
    interrupted, error = False, None
    try:
        state.running = True
        exec(compile(code, file, "exec", dont_inherit=True), main.__dict__)
        state.running = False
    except SystemExit:
        pass
    except KeyboardInterrupt as caught:
        state.running = False
        interrupted, error = True, describe(caught)
    except BaseException as caught:
        state.running = False
        error = describe(caught)
    state.running = False
    return {"interrupted": interrupted, "error": error}


def perform(request):
    envs = request["envs"]
    before = {name: os.environ.get(name) for name in envs}
    os.environ.update(envs)
    open_streams()
    result = execute(request["code"])
    if os.getpid() != PID:  # A fork that came out of the user's code.
        if result["error"]:
            sys.stderr.write(result["error"]["traceback"])
        flush()
        os._exit(1 if result["error"] else 0)
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    flush()
    return {"run": request["run"], **result}


def serve():
    control = socket.socket(fileno=os.dup(0))
    os.register_at_fork(after_in_child=control.close)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout = sys.stderr = None
    open_streams()
    sys.modules["__main__"] = main
    signal.signal(signal.SIGINT, on_interrupt)
    for line in control.makefile("rb"):
        answer = json.dumps(perform(json.loads(line)))
        control.sendall(answer.encode() + b"\n")


serve()
