// Every method of `sandbox.git`, with a git server inside the sandbox.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import {
  DaytonaConflictError,
  DaytonaGitAuthFailedError,
  DaytonaGitBranchExistsError,
  DaytonaGitBranchNotFoundError,
  DaytonaGitMergeConflictError,
  DaytonaGitPushRejectedError,
  DaytonaGitRepoNotFoundError,
  DaytonaGitTransportFailedError,
  type Sandbox,
} from '@daytona/sdk'
import { create, deleteAll } from './sandboxes.js'

const me = ['me', 'right word'] as const
const ann = ['Ann', 'ann@example.com'] as const

let box: Sandbox
let url: string
let safeUrl: string

async function shell(line: string): Promise<string> {
  const answer = await box.process.executeCommand(line)
  assert.equal(answer.exitCode, 0, answer.result)
  return answer.result.trim()
}

async function serve(name: string, certificate: string): Promise<string> {
  await shell(`setsid python3 server.py served ${certificate} > ${name} 2> ${name}.log < /dev/null &`)
  return shell(`until grep . ${name}; do sleep 0.1; done`)
}

before(async () => {
  box = await create()
  await box.fs.uploadFile(await readFile(`${process.env.SDK_TESTS}/git_server.py`), 'server.py')
  await shell(`git config --global user.name Me; git config --global user.email me@example.com
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
      -keyout key.pem -out certificate.pem 2>/dev/null; cat certificate.pem key.pem > both.pem
    git init -q -b main draft; cd draft; echo one > file; git add .; git commit -qm first
    git checkout -q -b side; echo side > side; git add .; git commit -qm aside; git checkout -q main
    cd ..; git clone -q --bare draft served/a.git`)
  url = `http://127.0.0.1:${await serve('plain', '')}/a.git`
  safeUrl = `https://127.0.0.1:${await serve('tls', 'both.pem')}/a.git`
})
after(deleteAll)

test('a day with a remote', async () => {
  await box.git.clone(url, 'day', undefined, undefined, ...me)
  await box.git.createBranch('day', 'feature')
  await box.fs.uploadFile(Buffer.from('new'), 'day/new file')
  await box.git.add('day', ['new file'])
  const status = await box.git.status('day')
  assert.equal(status.currentBranch, 'feature')
  assert.deepEqual(
    status.fileStatus.map(({ name, staging, worktree, extra }) => [name, staging, worktree, extra]),
    [['new file', 'Added', 'Unmodified', '']],
  )
  const { sha } = await box.git.commit('day', 'a new file', ...ann)
  assert.equal(await shell('git -C day rev-parse HEAD'), sha)
  await box.git.push('day', ...me, undefined, undefined, true)
  assert.equal(await shell('git -C served/a.git rev-parse feature'), sha)
  const pushed = await box.git.status('day')
  assert.deepEqual([pushed.upstream, pushed.ahead, pushed.branchPublished], ['origin/feature', 0, true])
  await box.git.checkoutBranch('day', 'main')
  await box.git.deleteBranch('day', 'feature')
  assert.deepEqual(await box.git.branches('day'), { branches: ['main'], current: 'main' })
  await box.git.pull('day', ...me, 'main', 'origin')
  await assert.rejects(box.git.createBranch('day', 'main'), DaytonaGitBranchExistsError)
  await assert.rejects(box.git.checkoutBranch('day', 'none'), DaytonaGitBranchNotFoundError)
})

test('branch, commit, depth and certificate', async () => {
  await box.git.clone(url, 'shallow', 'side', undefined, ...me, undefined, 1)
  assert.equal(await shell('git -C shallow rev-list --count HEAD'), '1')
  const first = await shell('git -C served/a.git rev-parse side~1')
  await box.git.clone(url, 'first', 'side', first, ...me)
  assert.equal((await box.git.status('first')).detached, true)
  await assert.rejects(box.git.clone(safeUrl, 'safe', undefined, undefined, ...me), DaytonaGitTransportFailedError)
  await box.git.clone(safeUrl, 'safe', undefined, undefined, ...me, true)
})

test('wrong password and missing repository', async () => {
  await assert.rejects(box.git.clone(url, 'x'), DaytonaGitAuthFailedError)
  await assert.rejects(box.git.clone(url, 'x', undefined, undefined, 'me', 'wrong'), DaytonaGitAuthFailedError)
  const none = url.replace('a.git', 'none.git')
  await assert.rejects(box.git.clone(none, 'x', undefined, undefined, ...me), DaytonaGitRepoNotFoundError)
  await assert.rejects(box.git.status('x'), DaytonaGitRepoNotFoundError)
})

test('two histories', async () => {
  await box.git.clone(url, 'mine', undefined, undefined, ...me)
  await box.git.clone(url, 'theirs', undefined, undefined, ...me)
  await box.git.commit('theirs', 'theirs', ...ann, true)
  await box.git.push('theirs', ...me)
  await box.git.commit('mine', 'mine', ...ann, true)
  await assert.rejects(box.git.push('mine', ...me), DaytonaGitPushRejectedError)
  await assert.rejects(box.git.pull('mine', ...me), DaytonaGitMergeConflictError)
})

test('a repository from nothing', async () => {
  await box.git.init('new', false, 'trunk')
  await box.git.init('bare', true)
  assert.equal((await box.git.status('new')).currentBranch, 'trunk')
  await box.git.remoteAdd('new', 'origin', '/nowhere')
  await assert.rejects(box.git.remoteAdd('new', 'origin', '../bare'), DaytonaConflictError)
  await box.git.remoteAdd('new', 'origin', '../bare', true, true)
  assert.deepEqual(await box.git.remotes('new'), { remotes: [{ name: 'origin', url: '../bare' }] })
  assert.equal(await box.git.remoteGet('new', 'origin'), '../bare')
  assert.equal(await box.git.remoteGet('new', 'other'), undefined)
  await box.fs.uploadFile(Buffer.from('one\n'), 'new/file')
  await box.git.add('new', ['.'])
  const { sha } = await box.git.commit('new', 'first', ...ann)
  await box.fs.uploadFile(Buffer.from('two\n'), 'new/file')
  await box.git.add('new', ['.'])
  await box.git.restore('new', ['file'], true)
  assert.equal((await box.git.status('new')).fileStatus[0].worktree, 'Modified')
  await box.git.add('new', ['.'])
  await box.git.reset('new', undefined, undefined, ['file'])
  assert.equal((await box.git.status('new')).fileStatus[0].staging, 'Unmodified')
  await box.git.restore('new', ['.'], false, true, sha)
  assert.deepEqual((await box.git.status('new')).fileStatus, [])
  await box.git.commit('new', 'second', ...ann, true)
  await box.git.reset('new', 'hard', sha)
  assert.equal(await shell('git -C new rev-parse HEAD'), sha)
})

test('settings and a kept password', async () => {
  assert.equal((await box.git.getConfig('suite.key')) ?? undefined, undefined)
  await box.git.setConfig('suite.key', 'a value')
  assert.equal(await box.git.getConfig('suite.key'), 'a value')
  await box.git.init('settings')
  await box.git.configureUser('Bob', 'bob@example.com', 'local', 'settings')
  assert.equal(await box.git.getConfig('user.name', 'local', 'settings'), 'Bob')
  await box.git.dangerouslyAuthenticate('me', 'right word', new URL(url).host, 'http')
  await box.git.clone(url, 'kept')
})
