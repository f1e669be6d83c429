"""create_lsp_server: the servers of the default image."""

import asyncio

import pytest
from daytona import AsyncDaytona, DaytonaError
from daytona.common.lsp_server import LspCompletionPosition

PYTHON = "class Greeter:\n    def greet(self, name):\n        return name\n\n\nGreeter().gr\n"
TYPESCRIPT = "export class Adder { add(a: number) { return a } }\nconst adder = new Adder()\nadder.\n"


@pytest.fixture(scope="module")
def projects(box):
    box.fs.upload_file(PYTHON.encode(), "lsp-python/main.py")
    box.fs.upload_file(b"def helper_of_all(): pass\n", "lsp-python/util.py")
    box.fs.upload_file(TYPESCRIPT.encode(), "lsp-typescript/a.ts")
    box.fs.upload_file(b"{}", "lsp-typescript/tsconfig.json")


CASES = [
    ("python", "lsp-python", "main.py", (5, 12), "greet", "Greeter"),
    ("typescript", "lsp-typescript", "a.ts", (2, 6), "add", "Adder"),
]


@pytest.mark.parametrize("language, project, name, at, completion, symbol", CASES)
def test_a_project(box, projects, language, project, name, at, completion, symbol):
    server = box.create_lsp_server(language, project)
    path = f"{project}/{name}"
    with pytest.raises(DaytonaError):
        server.did_open(path)
    server.start()
    server.start()
    server.did_open(path)
    items = server.completions(path, LspCompletionPosition(line=at[0], character=at[1])).items
    assert completion in [item.label for item in items]
    symbols = server.document_symbols(path)
    assert {symbol, completion} <= {one.name for one in symbols}
    assert all(one.location.uri == f"file:///home/daytona/{path}" for one in symbols)
    assert symbol in [one.name for one in server.workspace_symbols(symbol)]
    assert symbol in [one.name for one in server.sandbox_symbols(symbol)]
    server.did_close(path)
    server.stop()
    with pytest.raises(DaytonaError):
        server.workspace_symbols(symbol)


def test_asynchronous(box, projects):
    async def run():
        async with AsyncDaytona() as daytona:
            server = (await daytona.get(box.id)).create_lsp_server("python", "/home/daytona/lsp-python")
            path = "/home/daytona/lsp-python/main.py"
            await server.start()
            await server.did_open(path)
            completions = await server.completions(path, LspCompletionPosition(line=5, character=12))
            assert "greet" in [item.label for item in completions.items]
            assert "Greeter" in [one.name for one in await server.document_symbols(path)]
            assert "helper_of_all" in [one.name for one in await server.workspace_symbols("helper_of")]
            await server.did_close(path)
            await server.stop()

    asyncio.run(run())
