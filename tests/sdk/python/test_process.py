"""exec and code_run; what code_run draws is in test_charts."""

import pytest
from daytona import CodeRunParams, DaytonaError
from daytona_toolbox_api_client.exceptions import ApiException
from conftest import SDK, comes_to_an_end, error_class


def test_exec_result_and_exit_code(box):
    answer = box.process.exec("echo one; echo two")
    assert (answer.exit_code, answer.result.splitlines()) == (0, ["one", "two"])
    assert answer.artifacts.stdout == answer.result
    assert box.process.exec("exit 3").exit_code == 3
    missing = box.process.exec("no-such-command-here")
    assert missing.exit_code == 127
    assert "no-such-command-here" in missing.result


def test_exec_merges_stderr_in_order(box):
    answer = box.process.exec("echo out; echo err >&2; echo out again; ls /nowhere; exit 4")
    lines = answer.result.splitlines()
    assert lines[:3] == ["out", "err", "out again"]
    assert "/nowhere" in lines[3]
    assert answer.exit_code == 4


def test_exec_cwd(box):
    assert box.process.exec("pwd").result.strip() == "/home/daytona"
    assert box.process.exec("pwd", cwd="/tmp").result.strip() == "/tmp"
    nowhere = box.process.exec("pwd", cwd="/does/not/exist")
    assert nowhere.exit_code == -1
    assert nowhere.result


def test_exec_env(box):
    value = "with 'quotes' \"and\" $dollars; and ü"
    assert box.process.exec('printf "%s" "$VALUE"', env={"VALUE": value}).result.strip() == value
    assert box.process.exec("echo ${VALUE:-gone}").result.strip() == "gone"


def test_exec_timeout_kills_the_whole_group(box):
    with pytest.raises(DaytonaError) as caught:
        box.process.exec("sh -c 'sleep 4321' & sleep 4321", timeout=1)
    assert type(caught.value) is error_class("DaytonaProcessExecutionTimeoutError")
    assert caught.value.status_code == 408
    assert comes_to_an_end(box, "pgrep -fx 'sleep 4321'")


def test_exec_large_output(box):
    answer = box.process.exec("seq 1 200000")
    lines = answer.result.split()
    assert (len(lines), lines[0], lines[-1]) == (200000, "1", "200000")


def test_exec_output_that_is_no_text(box):
    answer = box.process.exec(r"printf 'a\377\000\303\274'")
    assert (answer.exit_code, answer.result.rstrip("\n")) == (0, "a\ufffd\0ü")


def test_exec_output_that_is_cut_says_so(box):
    answer = box.process.exec("head -c 17000000 /dev/zero | tr '\\0' x")
    assert answer.exit_code == 0
    assert answer.result.rstrip().endswith("more bytes were not kept]")
    assert answer.additional_properties["truncated"] is True
    assert "truncated" not in box.process.exec("true").additional_properties


def test_exec_runs_as_a_user_with_sudo(box):
    assert box.process.exec("id -un; sudo id -un").result.split() == ["daytona", "root"]


def test_many_at_once(box):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: box.process.exec(f"echo {n}").result.strip(), range(40)))
    assert answers == [str(n) for n in range(40)]


def test_code_run(box):
    answer = box.process.code_run("import sys\nprint(sum(range(10)))\nprint('to stderr', file=sys.stderr)")
    assert answer.exit_code == 0
    assert answer.result.split("\n")[:2] == ["45", "to stderr"]


def test_code_run_argv_and_env(box):
    params = CodeRunParams(argv=["first", "second"], env={"FROM_ENV": "x y"})
    answer = box.process.code_run("import os, sys; print(sys.argv[1:], os.environ['FROM_ENV'])", params)
    assert answer.result.strip() == "['first', 'second'] x y"


def test_code_run_failure_shows_the_users_frames(box):
    answer = box.process.code_run("def inner():\n    raise ValueError('wrong')\ninner()")
    assert answer.exit_code == 1
    assert "ValueError: wrong" in answer.result
    assert "inner" in answer.result
    assert box.process.code_run("import sys; sys.exit(9)").exit_code == 9


def test_code_run_timeout(box):
    # From 0.190 on SDKs let the generated client's exception through here.
    expected, status = (ApiException, "status") if SDK >= (0, 190) else (DaytonaError, "status_code")
    params = CodeRunParams(argv=["interpreter-4322"])
    with pytest.raises(expected) as caught:
        box.process.code_run("import time; time.sleep(4322)", params, timeout=1)
    assert type(caught.value) is expected
    assert getattr(caught.value, status) == 408
    assert comes_to_an_end(box, "pgrep -f '[i]nterpreter-4322'")


def test_code_run_javascript_and_typescript(create):
    for language, code in [
        ("javascript", "const [,, ...rest] = ['', '', 'a']; console.log([1, 2].map(x => x * 2).join(), rest.length)"),
        ("typescript", "const twice = (x: number): number => x * 2;\nconsole.log([1, 2].map(twice).join(), 1)"),
    ]:
        sandbox = create(language=language)
        answer = sandbox.process.code_run(code)
        assert (answer.exit_code, answer.result.strip()) == (0, "2,4 1"), answer.result
        arguments = CodeRunParams(argv=["first", "second"])
        answer = sandbox.process.code_run("console.log(process.argv.slice(1).join())", arguments)
        assert (answer.exit_code, answer.result.strip()) == (0, "first,second"), answer.result
        thrown = sandbox.process.code_run("throw new Error('wrong')")
        assert thrown.exit_code != 0
        assert "wrong" in thrown.result
        sandbox.delete()
