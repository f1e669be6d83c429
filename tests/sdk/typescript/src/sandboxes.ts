// Sandboxes for a test file: made with one label, gone when the file is over.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Daytona, DaytonaNotFoundError, type CreateSandboxFromSnapshotParams, type Sandbox } from '@daytona/sdk'

/** Reads DAYTONA_API_URL and DAYTONA_API_KEY, as a user's program does. */
export const daytona = new Daytona()

/** Tells the sandboxes of this run from those of a suite running beside it. */
export const runId = randomUUID().slice(0, 8)

/** Seconds. Nothing takes so long, only a test that fails does. */
export const patience = 180

const made: Sandbox[] = []

export async function create(params: CreateSandboxFromSnapshotParams = {}): Promise<Sandbox> {
  const sandbox = await daytona.create({ ...params, labels: { suite: runId, ...params.labels } }, { timeout: patience })
  made.push(sandbox)
  return sandbox
}

export async function listLabelled(labels: Record<string, string>): Promise<Sandbox[]> {
  const found: Sandbox[] = []
  for await (const sandbox of daytona.list({ labels, limit: 2 })) found.push(sandbox)
  return found
}

/** For `after`: deletes what is left and checks that nothing stays. */
export async function deleteAll(): Promise<void> {
  for (const sandbox of made) {
    await sandbox.delete(patience, true).catch((error: unknown) => {
      if (!(error instanceof DaytonaNotFoundError)) throw error
    })
  }
  assert.deepEqual((await listLabelled({ suite: runId })).map((sandbox) => sandbox.id), [])
  await daytona[Symbol.asyncDispose]()
}
