// Terminals.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DaytonaError, DaytonaNotFoundError, type Sandbox } from '@daytona/sdk'
import { create, deleteAll } from './sandboxes.js'

let box: Sandbox
before(async () => {
  box = await create()
})
after(deleteAll)

/** What a terminal printed, and a way to wait for more. */
function screen() {
  let [seen, wake] = ['', () => {}]
  const decoder = new TextDecoder()
  return {
    onData: (data: Uint8Array) => {
      seen += decoder.decode(data, { stream: true })
      wake()
    },
    until: async (text: string) => {
      while (!seen.includes(text)) await new Promise<void>((resolve) => (wake = resolve))
    },
  }
}

test('a terminal', async () => {
  const { onData, until } = screen()
  const pty = await box.process.createPty({ id: 't', cwd: '/tmp', envs: { X: 'ä b' }, cols: 101, rows: 31, onData })
  await pty.waitForConnection()
  assert(pty.isConnected())
  await pty.sendInput('stty size; pwd; echo "$X"\n')
  await until('31 101\r\n/tmp\r\nä b\r\n')
  const info = await box.process.getPtySessionInfo('t')
  assert.deepEqual([info.cols, info.rows, info.cwd, info.active, info.envs?.X], [101, 31, '/tmp', true, 'ä b'])
  assert.equal((await pty.resize(120, 40)).cols, 120)
  await pty.sendInput(new TextEncoder().encode('stty size\n'))
  await until('40 120\r\n')
  const other = screen()
  const second = await box.process.connectPty('t', { onData: other.onData })
  await second.sendInput("echo to-''both\n")
  await Promise.all([until('to-both\r\n'), other.until('to-both\r\n')])
  await second.disconnect()
  assert((await box.process.listPtySessions()).some((session) => session.id === 't'))
  await pty.sendInput('exit 3\n')
  const result = await pty.wait()
  assert.deepEqual([result.exitCode, result.error, pty.exitCode], [3, 'non-zero exit', 3])
  await pty.disconnect()
  await assert.rejects(box.process.getPtySessionInfo('t'), DaytonaNotFoundError)
})

test('killed', async () => {
  const pty = await box.process.createPty({ id: 'k', onData: () => {} })
  assert.equal((await box.process.resizePtySession('k', 90, 20)).rows, 20)
  await pty.kill()
  assert.deepEqual(await pty.wait(), { exitCode: 137, error: 'SIGKILL' })
  await assert.rejects(box.process.killPtySession('k'), DaytonaNotFoundError)
  await assert.rejects(box.process.connectPty('k', { onData: () => {} }), DaytonaError)
})

test('a name that is taken', async () => {
  const pty = await box.process.createPty({ id: 'n', onData: () => {} })
  // The SDK keeps no status of an upgrade that is refused.
  await assert.rejects(box.process.createPty({ id: 'n', onData: () => {} }), DaytonaError)
  await pty.sendInput('exit\n')
  assert.equal((await pty.wait()).exitCode, 0)
})
