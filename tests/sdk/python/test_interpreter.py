"""code_interpreter: contexts that keep their state, synchronous and asynchronous."""

import asyncio

import pytest
from daytona import AsyncDaytona, DaytonaError, OutputMessage
from conftest import SDK, error_class


@pytest.fixture(scope="module")
def interpreter(box):
    return box.code_interpreter


def test_state_is_kept(interpreter):
    result = interpreter.run_code("import sys\nx = 41\nprint('out', x)\nprint('err', file=sys.stderr)\nx")
    assert (result.stdout, result.stderr, result.error) == ("out 41\n", "err\n", None)
    assert interpreter.run_code("x += 1\nprint(x, __name__)").stdout == "42 __main__\n"


def test_callbacks_are_called_as_it_prints(interpreter):
    seen = []
    result = interpreter.run_code(
        "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\n1/0",
        on_stdout=lambda message: seen.append(("out", message.output)),
        on_stderr=lambda message: seen.append(("err", message.output)),
        on_error=lambda error: seen.append(("error", error.name)),
    )
    assert seen == [("out", "a\n"), ("err", "b\n"), ("out", "c\n"), ("error", "ZeroDivisionError")]
    assert result.stdout == "a\nc\n"


def test_errors_show_the_users_frames(interpreter):
    interpreter.run_code("def inner():\n    raise ValueError('wrong')")
    error = interpreter.run_code("inner()").error
    assert (error.name, error.value) == ("ValueError", "wrong")
    assert 'File "<stdin>", line 2, in inner\n    raise ValueError' in error.traceback
    assert error.traceback.count("File ") == 2
    assert interpreter.run_code("x = (").error.name == "SyntaxError"
    assert interpreter.run_code("exit(3)").error is None


def test_variables_of_one_execution(interpreter):
    code = "import os; print(os.environ.get('ONCE'))"
    assert interpreter.run_code(code, envs={"ONCE": "x ü"}).stdout == "x ü\n"
    assert interpreter.run_code(code).stdout == "None\n"


def test_timeout_keeps_the_state(interpreter):
    interpreter.run_code("kept = 'kept'")
    with pytest.raises(DaytonaError) as caught:
        interpreter.run_code("import time\nwhile True: time.sleep(100)", timeout=1)
    assert type(caught.value) is error_class("DaytonaTimeoutError")
    assert interpreter.run_code("print(kept)").stdout == "kept\n"


def test_a_worker_that_ends(interpreter):
    code = "import os; os._exit(7)"
    if SDK >= (0, 190):
        with pytest.raises(DaytonaError, match="exit code 7"):
            interpreter.run_code(code)
    else:  # It takes the close code for a success.
        assert "exit code 7" in interpreter.run_code(code).error.value
    assert interpreter.run_code("print('kept' in globals())").stdout == "False\n"


def test_contexts(interpreter):
    context = interpreter.create_context(cwd="/tmp")
    assert (context.cwd, context.language, context.active) == ("/tmp", "python", True)
    assert [one.id for one in interpreter.list_contexts()] == [context.id]
    assert interpreter.run_code("import os; y = 1; print(os.getcwd())", context=context).stdout == "/tmp\n"
    assert interpreter.run_code("y").error.name == "NameError"
    assert interpreter.run_code("print(y)", context=context).stdout == "1\n"
    interpreter.delete_context(context)
    assert interpreter.list_contexts() == []
    with pytest.raises(DaytonaError, match="context not found"):
        interpreter.run_code("1", context=context)
    with pytest.raises(DaytonaError):
        interpreter.delete_context(context)
    with pytest.raises(DaytonaError):
        interpreter.create_context(cwd="/does/not/exist")


def test_much_output(interpreter):
    lines = interpreter.run_code("for n in range(200000): print(n)").stdout.split()
    assert (len(lines), lines[-1]) == (200000, "199999")


def test_programs_print_too_and_read_nothing(interpreter):
    code = "import subprocess\nprint('a', flush=True)\nsubprocess.run('echo b; cat', shell=True)\nprint('c')"
    assert interpreter.run_code(code).stdout == "a\nb\nc\n"
    assert interpreter.run_code("input()").error.name == "EOFError"


def test_asynchronous(box):
    async def run():
        async with AsyncDaytona() as daytona:
            interpreter = (await daytona.get(box.id)).code_interpreter
            seen = []

            def hear(message: OutputMessage):
                seen.append(message.output)

            result = await interpreter.run_code("z = 5\nprint(z)", on_stdout=hear)
            assert (result.stdout, result.error, seen) == ("5\n", None, ["5\n"])
            assert (await interpreter.run_code("1/0")).error.name == "ZeroDivisionError"
            context = await interpreter.create_context()
            other = interpreter.run_code("import time; time.sleep(1); print('other')", context=context)
            both = await asyncio.gather(other, interpreter.run_code("print(z)"))
            assert [one.stdout for one in both] == ["other\n", "5\n"]
            assert context.id in [one.id for one in await interpreter.list_contexts()]
            with pytest.raises(DaytonaError) as caught:
                await interpreter.run_code("while True: pass", context=context, timeout=1)
            assert type(caught.value) is error_class("DaytonaTimeoutError")
            # Who gives up interrupts: the next one does not wait for ever.
            task = asyncio.ensure_future(interpreter.run_code("while True: pass", context=context, timeout=0))
            await asyncio.sleep(1)
            task.cancel()
            assert (await interpreter.run_code("print('next')", context=context)).stdout == "next\n"
            await interpreter.delete_context(context)

    asyncio.run(run())


def test_variables_of_the_sandbox(create):
    if SDK < (0, 226):
        pytest.skip("update_env came with 0.226")
    sandbox = create(env_vars={"GIVEN": "1"})
    sandbox.update_env({"LATER": "2"})
    code = "import os; print(os.environ['GIVEN'], os.environ['LATER'])"
    assert sandbox.code_interpreter.run_code(code).stdout == "1 2\n"
    assert sandbox.get_metrics_latest().mem_total > 0
    sandbox.delete()
