// codeInterpreter and createLspServer.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DaytonaTimeoutError, type Sandbox } from '@daytona/sdk'
import { create, deleteAll } from './sandboxes.js'

let box: Sandbox
before(async () => {
  box = await create()
})
after(deleteAll)

test('state, streams and errors', async () => {
  const seen: string[] = []
  const result = await box.codeInterpreter.runCode("import sys\nx = 41\nprint('out')\nprint('err', file=sys.stderr)\n1/0", {
    onStdout: (message) => void seen.push(message.output),
    onStderr: (message) => void seen.push(message.output),
    onError: (error) => void seen.push(error.name),
  })
  assert.deepEqual(seen, ['out\n', 'err\n', 'ZeroDivisionError'])
  assert.deepEqual([result.stdout, result.stderr, result.error?.value], ['out\n', 'err\n', 'division by zero'])
  assert.equal((await box.codeInterpreter.runCode('print(x + 1)')).stdout, '42\n')
})

test('variables of one execution', async () => {
  const code = "import os; print(os.environ.get('ONCE'))"
  assert.equal((await box.codeInterpreter.runCode(code, { envs: { ONCE: 'x' } })).stdout, 'x\n')
  assert.equal((await box.codeInterpreter.runCode(code)).stdout, 'None\n')
})

test('a timeout keeps the state', async () => {
  await box.codeInterpreter.runCode('kept = 1')
  await assert.rejects(box.codeInterpreter.runCode('while True: pass', { timeout: 1 }), DaytonaTimeoutError)
  assert.equal((await box.codeInterpreter.runCode('print(kept)')).stdout, '1\n')
})

test('an interpreter that ends', async () => {
  const result = await box.codeInterpreter.runCode('import os; os._exit(7)')
  assert.match(result.error?.value ?? '', /exit code 7/)
  assert.equal((await box.codeInterpreter.runCode("print('kept' in globals())")).stdout, 'False\n')
})

test('contexts', async () => {
  const context = await box.codeInterpreter.createContext('/tmp')
  assert.deepEqual((await box.codeInterpreter.listContexts()).map((one) => one.id), [context.id])
  const there = await box.codeInterpreter.runCode('import os; print(os.getcwd())', { context })
  assert.equal(there.stdout, '/tmp\n')
  await box.codeInterpreter.deleteContext(context)
  await assert.rejects(box.codeInterpreter.runCode('1', { context }), /context not found/)
  await assert.rejects(box.codeInterpreter.deleteContext(context))
})

test('a language server', async () => {
  const text = 'export class Adder { add(a: number) { return a } }\nconst adder = new Adder()\nadder.\n'
  await box.fs.uploadFile(Buffer.from(text), 'lsp/a.ts')
  await box.fs.uploadFile(Buffer.from('{}'), 'lsp/tsconfig.json')
  const server = await box.createLspServer('typescript', 'lsp')
  await server.start()
  await server.didOpen('lsp/a.ts')
  const { items } = await server.completions('lsp/a.ts', { line: 2, character: 6 })
  assert(items.some((item) => item.label === 'add'))
  assert((await server.documentSymbols('lsp/a.ts')).some((symbol) => symbol.name === 'Adder'))
  assert((await server.workspaceSymbols('Adder')).some((symbol) => symbol.name === 'Adder'))
  await server.didClose('lsp/a.ts')
  await server.stop()
})
