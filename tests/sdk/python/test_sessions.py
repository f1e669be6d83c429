"""Sessions: shells that stay. Every method, and the same once more with the asynchronous client."""

import asyncio
import uuid

import pytest
from daytona import AsyncDaytona, DaytonaError, SessionExecuteRequest
from conftest import SDK, comes_to_an_end, error_class

# Before, the SDK took the body of any answer for the logs.
LOGS_HAVE_ERRORS = SDK >= (0, 190)


@pytest.fixture
def session(box):
    """The name of a session that is gone afterwards."""
    name = f"session {uuid.uuid4().hex[:8]}"
    box.process.create_session(name)
    yield name
    try:
        box.process.delete_session(name)
    except DaytonaError as error:
        assert error.status_code == 404


def run(box, session, command, **more):
    return box.process.execute_session_command(session, SessionExecuteRequest(command=command, **more))


def raises(name, status, call, *arguments):
    """Old versions have fewer classes, every version has the status."""
    with pytest.raises(error_class(name)) as caught:
        call(*arguments)
    assert caught.value.status_code == status


def test_state_stays(box, session):
    assert run(box, session, "pwd").stdout == "/home/daytona\n"
    assert run(box, session, "cd /tmp; X='a b'; f() { echo \"f $X\"; }; export Y=y").exit_code == 0
    assert run(box, session, "pwd; f; sh -c 'echo $Y'").stdout == "/tmp\nf a b\ny\n"


def test_streams_and_exit_code(box, session):
    answer = run(box, session, "echo out; printf 'err ü' >&2; (exit 4)")
    assert (answer.exit_code, answer.stdout, answer.stderr) == (4, "out\n", "err ü")
    # The two streams have no common order.
    marked = answer.output.replace("\x01\x01\x01", "O").replace("\x02\x02\x02", "E")
    assert marked in ("Oout\nEerr ü", "Eerr üOout\n")
    command = box.process.get_session_command(session, answer.cmd_id)
    assert (command.id, command.exit_code) == (answer.cmd_id, 4)
    assert command.command.startswith("echo out;")
    logs = box.process.get_session_command_logs(session, answer.cmd_id)
    assert (logs.stdout, logs.stderr) == ("out\n", "err ü")


def test_lists(box, session):
    first = run(box, session, "true").cmd_id
    second = run(box, session, "(exit 2)").cmd_id
    found = box.process.get_session(session)
    assert found.session_id == session
    assert [(command.id, command.exit_code) for command in found.commands] == [(first, 0), (second, 2)]
    assert session in [one.session_id for one in box.process.list_sessions()]


def test_many_lines(box, session):
    answer = run(box, session, "seq 1 20000")
    assert answer.stdout == "".join(f"{n}\n" for n in range(1, 20001))


def test_input_and_logs_that_are_followed(box, session):
    command = "read name; echo \"hello $name\"; echo err >&2; read name; echo \"bye $name\""
    started = run(box, session, command, run_async=True, suppress_input_echo=True)
    assert started.exit_code is None
    assert box.process.get_session_command(session, started.cmd_id).exit_code is None
    out, err = [], []

    def on_out(text):
        out.append(text)
        if "hello" in text:
            box.process.send_session_command_input(session, started.cmd_id, "two\n")

    box.process.send_session_command_input(session, started.cmd_id, "one")
    asyncio.run(box.process.get_session_command_logs_async(session, started.cmd_id, on_out, err.append))
    assert ("".join(out), "".join(err)) == ("hello one\nbye two\n", "err\n")


def test_a_shell_that_exits(box, session):
    answer = run(box, session, "echo last; exit 3")
    assert (answer.exit_code, answer.stdout) == (3, "last\n")
    raises("DaytonaSessionEndedError", 410, run, box, session, "true")
    send = box.process.send_session_command_input
    raises("DaytonaSessionEndedError", 410, send, session, answer.cmd_id, "x")


def test_refusals(box, session):
    raises("DaytonaConflictError", 409, box.process.create_session, session)
    raises("DaytonaNotFoundError", 404, box.process.get_session, "none")
    raises("DaytonaNotFoundError", 404, run, box, "none", "true")
    raises("DaytonaNotFoundError", 404, box.process.delete_session, "none")
    raises("DaytonaNotFoundError", 404, box.process.get_session_command, session, "none")
    if LOGS_HAVE_ERRORS:
        raises("DaytonaNotFoundError", 404, box.process.get_session_command_logs, session, "none")
    raises("DaytonaBadRequestError", 400, run, box, session, "  ")
    raises("DaytonaBadRequestError", 400, box.process.create_session, "entrypoint")
    done = run(box, session, "true").cmd_id
    send = box.process.send_session_command_input
    raises("DaytonaCommandAlreadyCompletedError", 410, send, session, done, "x")
    # A sandbox without a command of its own.
    raises("DaytonaNotFoundError", 404, box.process.get_entrypoint_session)
    if LOGS_HAVE_ERRORS:
        raises("DaytonaNotFoundError", 404, box.process.get_entrypoint_logs)
    with pytest.raises(DaytonaError):
        asyncio.run(box.process.get_entrypoint_logs_async(print, print))


def test_deletion_ends_everything(box, session):
    run(box, session, "(setsid sleep 4331 &); sleep 4332 & disown")
    looks = "for look in $(seq 600); do test $(pgrep -cfx 'sleep 433[12]') = 2 && exit 0; sleep 0.1; done; exit 1"
    assert box.process.exec(looks).exit_code == 0
    box.process.delete_session(session)
    assert comes_to_an_end(box, "pgrep -fx 'sleep 433[12]'")
    raises("DaytonaNotFoundError", 404, box.process.get_session, session)


def test_asynchronous_client(box):
    async def live():
        async with AsyncDaytona() as client:
            process = (await client.get(box.id)).process
            name = uuid.uuid4().hex
            await process.create_session(name)
            answer = await process.execute_session_command(name, SessionExecuteRequest(command="echo a; echo b >&2"))
            assert (answer.exit_code, answer.stdout, answer.stderr) == (0, "a\n", "b\n")
            command = await process.get_session_command(name, answer.cmd_id)
            assert command.exit_code == 0
            logs = await process.get_session_command_logs(name, answer.cmd_id)
            assert (logs.stdout, logs.stderr) == ("a\n", "b\n")
            request = SessionExecuteRequest(command="read x; echo \"got $x\"", run_async=True)
            started = await process.execute_session_command(name, request)
            await process.send_session_command_input(name, started.cmd_id, "it")
            out, err = [], []
            await process.get_session_command_logs_async(name, started.cmd_id, out.append, err.append)
            assert ("".join(out), err) == ("it\ngot it\n", [])
            assert name in [one.session_id for one in await process.list_sessions()]
            assert len((await process.get_session(name)).commands) == 2
            with pytest.raises(DaytonaError) as caught:
                await process.get_entrypoint_session()
            assert caught.value.status_code == 404
            if LOGS_HAVE_ERRORS:
                with pytest.raises(DaytonaError):
                    await process.get_entrypoint_logs()
            with pytest.raises(DaytonaError):
                await process.get_entrypoint_logs_async(print, print)
            await process.delete_session(name)

    asyncio.run(live())
