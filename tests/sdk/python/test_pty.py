"""Terminals: every method of the process and of the handle, and the same once more with the asynchronous client."""

import asyncio
import uuid

import pytest
from daytona import AsyncDaytona, DaytonaError, PtySize



@pytest.fixture
def name():
    return f"pty-{uuid.uuid4().hex[:8]}"


def until(handle, text):
    """Reads on until the terminal has printed it."""
    seen = ""
    for data in handle:
        seen += data.decode("utf-8", "replace")
        if text in seen:
            return seen
    raise AssertionError(f"it ended: {seen!r}")


def test_a_terminal(box, name):
    size = PtySize(cols=101, rows=31)
    handle = box.process.create_pty_session(id=name, cwd="/tmp", envs={"X": "ä 'b'"}, pty_size=size)
    assert handle.is_connected()
    assert handle.session_id == name
    handle.send_input("stty size; pwd; echo \"$X-$TERM\"\n")
    assert until(handle, "ä 'b'-xterm-256color\r\n").count("31 101\r\n/tmp\r\n") == 1
    info = box.process.get_pty_session_info(name)
    assert (info.id, info.cols, info.rows, info.cwd, info.active) == (name, 101, 31, "/tmp", True)
    assert info.envs["X"] == "ä 'b'"
    resized = handle.resize(PtySize(cols=120, rows=40))
    assert (resized.cols, resized.rows) == (120, 40)
    handle.send_input(b"stty size\n")
    until(handle, "40 120\r\n")
    assert name in [one.id for one in box.process.list_pty_sessions()]
    handle.send_input("exit 3\n")
    result = handle.wait()
    assert (result.exit_code, result.error) == (3, "non-zero exit")
    assert not handle.is_connected()
    handle.disconnect()
    assert name not in [one.id for one in box.process.list_pty_sessions()]


def test_a_good_end(box, name):
    handle = box.process.create_pty_session(id=name)
    seen = []
    handle.send_input("seq 5000; exit\n")
    result = handle.wait(on_data=seen.append)
    assert (result.exit_code, result.error) == (0, None)
    assert b"\r\n4999\r\n5000\r\n" in b"".join(seen)


def test_two_clients(box, name):
    first = box.process.create_pty_session(id=name)
    second = box.process.connect_pty_session(name)
    second.send_input("echo to-''both\n")
    until(first, "to-both\r\n")
    until(second, "to-both\r\n")
    first.disconnect()
    info = box.process.resize_pty_session(name, PtySize(cols=90, rows=20))
    assert (info.cols, info.rows) == (90, 20)
    second.kill()
    result = second.wait()
    assert (result.exit_code, result.error) == (137, "SIGKILL")
    with pytest.raises(DaytonaError):
        box.process.connect_pty_session(name)


def test_refusals(box, name):
    handle = box.process.create_pty_session(id=name)
    with pytest.raises(DaytonaError) as caught:
        box.process.create_pty_session(id=name)
    assert caught.value.status_code == 409
    with pytest.raises(DaytonaError) as caught:
        box.process.create_pty_session(id=name + "-x", pty_size=PtySize(cols=1001, rows=1))
    assert caught.value.status_code == 400
    with pytest.raises(DaytonaError) as caught:
        box.process.get_pty_session_info("none")
    assert caught.value.status_code == 404
    with pytest.raises(DaytonaError) as caught:
        box.process.kill_pty_session("none")
    assert caught.value.status_code == 404
    with pytest.raises(DaytonaError) as caught:
        box.process.resize_pty_session("none", PtySize(cols=10, rows=10))
    assert caught.value.status_code == 410
    box.process.kill_pty_session(name)
    assert handle.wait().exit_code == 137


def test_asynchronous_client(box, name):
    async def live():
        async with AsyncDaytona() as client:
            process = (await client.get(box.id)).process
            seen = bytearray()
            grew = asyncio.Event()

            def on_data(data):
                seen.extend(data)
                grew.set()

            async def until_seen(text):
                while text not in seen:
                    grew.clear()
                    await grew.wait()

            size = PtySize(cols=101, rows=31)
            handle = await process.create_pty_session(
                id=name, on_data=on_data, cwd="/tmp", envs={"X": "y"}, pty_size=size
            )
            await handle.wait_for_connection()
            assert handle.is_connected()
            await handle.send_input("stty size; pwd; echo $X\n")
            await until_seen(b"31 101\r\n/tmp\r\ny\r\n")
            assert (await handle.resize(PtySize(cols=120, rows=40))).cols == 120
            await handle.send_input(b"stty size\n")
            await until_seen(b"40 120\r\n")
            other = await process.connect_pty_session(name, on_data=lambda data: None)
            assert name in [one.id for one in await process.list_pty_sessions()]
            assert (await process.get_pty_session_info(name)).active
            assert (await process.resize_pty_session(name, size)).rows == 31
            await other.disconnect()
            await handle.send_input("exit 130\n")
            result = await handle.wait()
            assert (result.exit_code, result.error) == (130, "Ctrl+C")
            await handle.disconnect()
            handle = await process.create_pty_session(id=name, on_data=on_data)
            await handle.kill()
            assert (await handle.wait()).exit_code == 137
            with pytest.raises(DaytonaError) as caught:
                await process.kill_pty_session(name)
            assert caught.value.status_code == 404

    asyncio.run(live())
