// create, get, list, labels, intervals, stop, start, delete, and the errors of these.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import {
  Daytona,
  DaytonaAuthenticationError,
  DaytonaBadRequestError,
  DaytonaConflictError,
  DaytonaNotFoundError,
  SandboxState,
} from '@daytona/sdk'
import { create, daytona, deleteAll, listLabelled, patience, runId } from './sandboxes.js'

after(deleteAll)

test('a default sandbox', async () => {
  const sandbox = await create()
  assert.equal(sandbox.state, SandboxState.STARTED)
  assert.equal(sandbox.name, sandbox.id)
  assert.equal(sandbox.user, 'daytona')
  assert.equal(sandbox.autoStopInterval, 15)
  assert.equal(sandbox.public, false)
  assert.equal(await sandbox.getWorkDir(), '/home/daytona')
  assert.equal(await sandbox.getUserHomeDir(), '/home/daytona')
  await sandbox.setAutostopInterval(42)
  await sandbox.refreshData()
  assert.equal(sandbox.autoStopInterval, 42)
  await sandbox.refreshActivity()
  await sandbox.delete(patience, true)
})

test('name, language, environment and labels', async () => {
  const name = `ts-${randomUUID().slice(0, 8)}`
  const sandbox = await create({
    name,
    language: 'javascript',
    envVars: { GREETING: 'a b "c"' },
    labels: { colour: 'green' },
  })
  assert.equal(sandbox.name, name)
  assert.equal(sandbox.labels['code-toolbox-language'], 'javascript')
  assert.equal(sandbox.labels.colour, 'green')
  assert.deepEqual(sandbox.env, { GREETING: 'a b "c"' })
  assert.equal((await sandbox.process.executeCommand('echo "$GREETING"')).result.trim(), 'a b "c"')
  assert.equal((await daytona.get(name)).id, sandbox.id)
  assert.equal((await daytona.get(sandbox.id)).name, name)

  await assert.rejects(create({ name }), DaytonaConflictError)

  const labels = { suite: runId, colour: 'red' }
  assert.deepEqual(await sandbox.setLabels(labels), labels)
  assert.deepEqual((await daytona.get(name)).labels, labels)

  await sandbox.delete()
  await assert.rejects(daytona.get(name), DaytonaNotFoundError)
})

test('list by labels, page by page', async () => {
  const labels = { kind: `listed-${runId}` }
  const made = await Promise.all([create({ labels }), create({ labels }), create({ labels })])
  const listed = await listLabelled(labels)
  assert.deepEqual(listed.map((sandbox) => sandbox.id).sort(), made.map((sandbox) => sandbox.id).sort())
  await Promise.all(made.map((sandbox) => sandbox.delete(patience, true)))
  assert.deepEqual(await listLabelled(labels), [])
})

test('stop, then start, keeps files', async () => {
  const sandbox = await create({ envVars: { KEPT: 'yes' } })
  await sandbox.fs.uploadFile(Buffer.from('still here'), 'kept.txt')
  await sandbox.stop()
  assert.equal(sandbox.state, SandboxState.STOPPED)
  await assert.rejects(sandbox.stop(), DaytonaBadRequestError)
  await sandbox.start()
  assert.equal(sandbox.state, SandboxState.STARTED)
  assert.equal((await sandbox.fs.downloadFile('kept.txt')).toString(), 'still here')
  assert.equal((await sandbox.process.executeCommand('echo $KEPT')).result.trim(), 'yes')
  await sandbox.stop(patience, true)
  assert.equal((await daytona.get(sandbox.id)).state, SandboxState.STOPPED)
  await sandbox.delete(patience, true)
})

test('delete twice', async () => {
  const sandbox = await create()
  await sandbox.delete(patience, true)
  await assert.rejects(sandbox.delete(), DaytonaNotFoundError)
  await assert.rejects(daytona.get(sandbox.id), DaytonaNotFoundError)
})

test('refusals', async () => {
  await assert.rejects(daytona.get(randomUUID()), DaytonaNotFoundError)
  await assert.rejects(create({ snapshot: 'no-such-snapshot' }), (error) => {
    assert(error instanceof DaytonaBadRequestError)
    assert.match(error.message, /no-such-snapshot/)
    return true
  })
  await assert.rejects(create({ name: '<b>bold</b>' }), DaytonaBadRequestError)
  const stranger = new Daytona({ apiKey: `dtn_${'0'.repeat(64)}` })
  await assert.rejects(stranger.get('anything'), DaytonaAuthenticationError)
  await stranger[Symbol.asyncDispose]()
})
