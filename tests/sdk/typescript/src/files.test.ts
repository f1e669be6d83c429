// Every method of `sandbox.fs`.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, test } from 'node:test'
import { DaytonaBadRequestError, DaytonaConflictError, DaytonaFileNotFoundError, DaytonaNotFoundError } from '@daytona/sdk'
import type { Sandbox } from '@daytona/sdk'
import { create, deleteAll } from './sandboxes.js'

let box: Sandbox
let local: string
before(async () => {
  box = await create()
  local = await mkdtemp(join(tmpdir(), 'paddock-ts-'))
})
after(async () => {
  await rm(local, { recursive: true })
  await deleteAll()
})

test('buffers', async () => {
  const content = randomBytes(300_000)
  for (const name of ['ünïcødé file', 'quote"quote', 'semi;"colon', 'back\\slash']) {
    await box.fs.uploadFile(content, `buffers/deep/${name}`)
    assert.deepEqual(await box.fs.downloadFile(`buffers/deep/${name}`), content)
  }
})

test('local files', async () => {
  const content = randomBytes(2_000_000)
  await writeFile(join(local, 'source'), content)
  await box.fs.uploadFile(join(local, 'source'), 'local/there')
  await box.fs.downloadFile('local/there', join(local, 'back'))
  assert.deepEqual(await readFile(join(local, 'back')), content)
})

test('many files', async () => {
  const files = Array.from({ length: 10 }, (_, n) => ({
    source: Buffer.from(`number ${n}`),
    destination: `/home/daytona/many/${n}`,
  }))
  await box.fs.uploadFiles(files)
  const answers = await box.fs.downloadFiles([
    ...files.map(({ destination }) => ({ source: destination })),
    { source: '/home/daytona/many/0', destination: join(local, 'zero') },
    { source: '/home/daytona/many/missing' },
  ])
  assert.deepEqual(
    answers.slice(1, 10).map((answer) => String(answer.result)),
    files.slice(1).map(({ source }) => String(source)),
  )
  assert.equal(answers[11].errorDetails?.statusCode, 404)
  assert.equal(answers[11].errorDetails?.code, 'FILE_NOT_FOUND')
  assert.equal(answers[11].errorDetails?.source, 'DAYTONA_DAEMON')
})

test('streams', async () => {
  const content = randomBytes(3_000_000)
  await box.fs.uploadFileStream(Readable.from([content.subarray(0, 1_000_000), content.subarray(1_000_000)]), 'stream')
  const chunks: Buffer[] = []
  for await (const chunk of await box.fs.downloadFileStream('stream')) chunks.push(chunk as Buffer)
  assert.deepEqual(Buffer.concat(chunks), content)
  await assert.rejects(box.fs.downloadFileStream('missing'), DaytonaFileNotFoundError)
})

test('list, info, folders and permissions', async () => {
  await box.fs.createFolder('listed/sub', '700')
  await box.fs.uploadFile(Buffer.from('12345'), 'listed/five')
  await box.fs.uploadFile(Buffer.from(''), 'listed/sub/empty')
  const listed = await box.fs.listFiles('listed')
  assert.deepEqual(
    listed.map(({ name, isDir, size }) => (isDir ? name : [name, size])),
    [['five', 5], 'sub'],
  )
  assert.equal((await box.fs.listFiles('listed', { depth: 2 })).length, 3)
  assert.equal((await box.fs.getFileDetails('listed/sub')).permissions, '0700')
  await box.fs.setFilePermissions('listed/five', { mode: '755', owner: 'daytona', group: 'daytona' })
  const info = await box.fs.getFileDetails('listed/five')
  assert.equal(info.mode, '-rwxr-xr-x')
  assert.equal(info.owner, '1000')
})

test('move and delete', async () => {
  await box.fs.uploadFile(Buffer.from('moved'), 'moving/from')
  await box.fs.moveFiles('moving/from', 'moving/to')
  assert.equal((await box.fs.downloadFile('moving/to')).toString(), 'moved')
  await assert.rejects(box.fs.getFileDetails('moving/from'), DaytonaNotFoundError)
  await box.fs.uploadFile(Buffer.from('way'), 'moving/way')
  await assert.rejects(box.fs.moveFiles('moving/to', 'moving/way'), DaytonaConflictError)
  await assert.rejects(box.fs.deleteFile('moving'), DaytonaBadRequestError)
  await box.fs.deleteFile('moving/way')
  await box.fs.deleteFile('moving', true)
  await assert.rejects(box.fs.listFiles('moving'), DaytonaNotFoundError)
})

test('find, search and replace', async () => {
  await box.fs.uploadFile(Buffer.from('one\nneedle here\n'), '/home/daytona/found/a.txt')
  await box.fs.uploadFile(Buffer.from('nothing'), '/home/daytona/found/sub/b.txt')
  assert.deepEqual(
    (await box.fs.findFiles('/home/daytona/found', 'needle')).map(({ file, line }) => [file, line]),
    [['/home/daytona/found/a.txt', 2]],
  )
  assert.deepEqual((await box.fs.searchFiles('/home/daytona/found', '*.txt')).files.sort(), [
    '/home/daytona/found/a.txt',
    '/home/daytona/found/sub/b.txt',
  ])
  const replaced = await box.fs.replaceInFiles(['found/a.txt', 'found/missing'], 'needle', 'thread')
  assert.deepEqual(
    replaced.map(({ success }) => success),
    [true, false],
  )
  assert.equal((await box.fs.downloadFile('found/a.txt')).toString(), 'one\nthread here\n')
})

test('missing files', async () => {
  await assert.rejects(box.fs.downloadFile('not/there'), DaytonaFileNotFoundError)
  await assert.rejects(box.fs.getFileDetails('not/there'), DaytonaFileNotFoundError)
  await assert.rejects(box.fs.deleteFile('not/there'), DaytonaNotFoundError)
})
