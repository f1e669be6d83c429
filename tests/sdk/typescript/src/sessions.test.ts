// Sessions: shells that stay.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  DaytonaCommandAlreadyCompletedError,
  DaytonaConflictError,
  DaytonaNotFoundError,
  DaytonaSessionEndedError,
  type Sandbox,
} from '@daytona/sdk'
import { create, deleteAll } from './sandboxes.js'

let box: Sandbox
before(async () => {
  box = await create()
})
after(deleteAll)

const run = (session: string, command: string) => box.process.executeSessionCommand(session, { command })

test('state, streams and exit code', async () => {
  await box.process.createSession('state')
  assert.equal((await run('state', "cd /tmp; X='a b'")).exitCode, 0)
  const answer = await run('state', 'pwd; echo "$X" >&2; (exit 4)')
  assert.deepEqual([answer.exitCode, answer.stdout, answer.stderr], [4, '/tmp\n', 'a b\n'])
  const command = await box.process.getSessionCommand('state', answer.cmdId!)
  assert.deepEqual([command.id, command.exitCode], [answer.cmdId, 4])
  const logs = await box.process.getSessionCommandLogs('state', answer.cmdId!)
  assert.deepEqual([logs.stdout, logs.stderr], ['/tmp\n', 'a b\n'])
  assert.equal((await box.process.getSession('state')).commands?.length, 2)
  assert((await box.process.listSessions()).some((session) => session.sessionId === 'state'))
  await box.process.deleteSession('state')
  await assert.rejects(box.process.getSession('state'), DaytonaNotFoundError)
})

test('input, and logs that are followed', async () => {
  await box.process.createSession('input')
  const command = 'read name; echo "hello $name"; echo err >&2; seq 3000'
  const { cmdId, exitCode } = await box.process.executeSessionCommand('input', { command, runAsync: true })
  assert.equal(exitCode, undefined)
  await box.process.sendSessionCommandInput('input', cmdId!, 'you')
  let [out, err] = ['', '']
  const onOut = (text: string) => (out += text)
  const onErr = (text: string) => (err += text)
  await box.process.getSessionCommandLogs('input', cmdId!, onOut, onErr)
  const lines = Array.from({ length: 3000 }, (_, index) => `${index + 1}\n`).join('')
  assert.deepEqual([out, err], [`you\nhello you\n${lines}`, 'err\n'])
  await assert.rejects(
    box.process.sendSessionCommandInput('input', cmdId!, 'late'),
    DaytonaCommandAlreadyCompletedError,
  )
  await box.process.deleteSession('input')
})

test('a shell that exits', async () => {
  await box.process.createSession('exits')
  const answer = await run('exits', 'echo last; exit 3')
  assert.deepEqual([answer.exitCode, answer.stdout], [3, 'last\n'])
  await assert.rejects(run('exits', 'true'), DaytonaSessionEndedError)
  await assert.rejects(box.process.createSession('exits'), DaytonaConflictError)
  await box.process.deleteSession('exits')
})

test('a sandbox without a command of its own', async () => {
  await assert.rejects(box.process.getEntrypointSession(), DaytonaNotFoundError)
  await assert.rejects(box.process.getEntrypointLogs(), DaytonaNotFoundError)
})
