// executeCommand and codeRun.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ChartType, DaytonaTimeoutError, type Sandbox } from '@daytona/sdk'
import { create, deleteAll } from './sandboxes.js'

let box: Sandbox
before(async () => {
  box = await create()
})
after(deleteAll)

test('output, standard error and exit code', async () => {
  const answer = await box.process.executeCommand('echo out; echo err >&2; exit 4')
  assert.equal(answer.exitCode, 4)
  assert.deepEqual(answer.result.trim().split('\n'), ['out', 'err'])
  assert.equal(answer.artifacts?.stdout, answer.result)
})

test('output that is no text', async () => {
  const answer = await box.process.executeCommand("printf 'a\\377\\000\\303\\274'")
  assert.deepEqual([answer.exitCode, answer.result], [0, 'a\ufffd\0ü'])
})

test('working directory and environment', async () => {
  assert.equal((await box.process.executeCommand('pwd')).result.trim(), '/home/daytona')
  const answer = await box.process.executeCommand('pwd; echo "$V"', '/tmp', { V: 'x "y" $z' })
  assert.deepEqual(answer.result.trim().split('\n'), ['/tmp', 'x "y" $z'])
  assert.equal((await box.process.executeCommand('pwd', '/does/not/exist')).exitCode, -1)
})

test('timeout', async () => {
  await assert.rejects(box.process.executeCommand('sleep 4323', undefined, undefined, 1), (error) => {
    assert(error instanceof DaytonaTimeoutError)
    assert.equal((error as { statusCode?: number }).statusCode, 408)
    return true
  })
  // What was killed may be seen for a moment after its caller was told.
  const looks = "for look in $(seq 600); do pgrep -fx 'sleep 4323' >/dev/null || exit 0; sleep 0.1; done; exit 1"
  assert.equal((await box.process.executeCommand(looks)).exitCode, 0)
})

test('code with arguments and environment', async () => {
  const answer = await box.process.codeRun("import os, sys; print(sys.argv[1:], os.environ['E'])", {
    argv: ['first', 'second'],
    env: { E: 'x y' },
  })
  assert.equal(answer.result.trim(), "['first', 'second'] x y")
  const failed = await box.process.codeRun("raise ValueError('wrong')")
  assert.equal(failed.exitCode, 1)
  assert.match(failed.result, /ValueError: wrong/)
})

test('a chart', async () => {
  const answer = await box.process.codeRun(
    "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\nplt.title('A line')\nplt.show()\nprint('done')",
  )
  assert.equal(answer.result.trim(), 'done')
  const [chart] = answer.artifacts?.charts ?? []
  assert.equal(chart.type, ChartType.LINE)
  assert.equal(chart.title, 'A line')
  assert.equal(Buffer.from(chart.png ?? '', 'base64').subarray(1, 4).toString(), 'PNG')
  assert.deepEqual(chart.elements?.[0].points, [
    [1, 3],
    [2, 4],
  ])
})

test('typescript', async () => {
  const sandbox = await create({ language: 'typescript' })
  const answer = await sandbox.process.codeRun('const f = (x: number): number => x * 2\nconsole.log(f(21))')
  assert.equal(answer.result.trim(), '42')
  const given = await sandbox.process.codeRun('console.log(process.argv.slice(1).join())', { argv: ['first', 'second'] })
  assert.equal(given.result.trim(), 'first,second')
  await sandbox.delete()
})
