// Three jobs of one repository, each on an empty machine, as a runner would run them:
//   cold     nothing was saved yet: everything is built, and saved under the hash of the lock file
//   warm     nothing has changed: everything is restored, and nothing is built or saved
//   changed  the lock file and one package are new: the rest is restored, the package built, and saved
// First with the npm client that `actions/cache` is, then with `snowbank run`; each against a server of its own.
import { spawnSync, execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process, { env, argv } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { builds, diskOf, gatherLibraries, nixStore, release, run, say, snowbank, startServer } from './kit.mjs'
import { megabytes, seconds, table } from './table.mjs'

const work = argv[2]
const here = import.meta.dirname
const repository = 'acme/app'
const restoreKey = 'nix-store-Linux-'
// As in the workflow, but for the root: a store that belongs to this demo alone.
const paths = ['root/nix/store', 'root/nix/var/nix/db']

const lockFile = (release) => JSON.stringify({ nodes: { rust: { locked: { release } } }, root: 'root', version: 7 })

/** A job's workspace: a folder with the lock file in it. */
function workspace(name, release) {
  const folder = join(work, name)
  mkdirSync(join(folder, 'temp'), { recursive: true })
  writeFileSync(join(folder, 'flake.lock'), lockFile(release))
  const hash = snowbank('hash-files', '--workspace', folder, 'flake.lock').trim()
  const root = join(folder, 'root')
  nixStore(root, '--verify')
  return { folder, root, key: restoreKey + hash }
}

/** Has Nix check every path of the job's store that the build wanted. */
function verify(job, printed) {
  const paths = nixStore(job.root, '--query', '--requisites', JSON.parse(printed.split('\n')[0]))
  run('nix-store', '--store', job.root, '--verify', '--check-contents')
  return paths.length
}

/** Runs the npm client in the job's workspace, with what a runner would put into its environment. */
function npmClient(server, job, op) {
  const order = { client: 'cache6', op, paths, key: job.key, restoreKeys: [restoreKey] }
  const environment = {
    PATH: env.PATH, HOME: job.folder, NPM_CLIENTS: env.NPM_CLIENTS, no_proxy: '127.0.0.1',
    RUNNER_TEMP: join(job.folder, 'temp'), GITHUB_WORKSPACE: job.folder,
    ACTIONS_RESULTS_URL: `${server.url}/`, ACTIONS_CACHE_SERVICE_V2: '1', ACTIONS_RUNTIME_TOKEN: server.token,
  }
  const driver = join(here, '../crates/testkit/js/driver.mjs')
  const output = execFileSync('node', [driver, JSON.stringify(order)], {
    cwd: job.folder, env: environment, encoding: 'utf8', maxBuffer: 1 << 26,
  })
  const report = JSON.parse(output.trim().split('\n').at(-1))
  if (report.error || report.result === -1) throw new Error(`${op} failed:\n${output}`)
  return report
}

/** A job with the npm client: restore, build, save unless the very key was found. */
function npmJob(server, job) {
  const restored = npmClient(server, job, 'restore')
  const paths = verify(job, run(...builds(job.root, libraries)))
  const saved = restored.result === job.key ? { seconds: 0, sent: 0 } : npmClient(server, job, 'save')
  return { paths, found: restored.result, restore: restored.seconds, save: saved.seconds, received: restored.received, sent: saved.sent }
}

/** The same in one line of a workflow. */
function snowbankJob(server, job) {
  const order = ['run', '--key', job.key, '--restore-key', restoreKey, '--store', job.root, '--remote', server.url,
    '--min-free', '100MB', '--json', '--quiet', '--', ...builds(job.root, libraries)]
  const environment = { ...env, SNOWBANK_TOKEN: server.token, XDG_STATE_HOME: join(job.folder, 'state') }
  const done = spawnSync(env.DEMO_BINARY, order, { cwd: job.folder, env: environment, encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`snowbank run failed:\n${done.stderr}`)
  const report = JSON.parse(done.stderr.trim().split('\n').at(-1))
  const stage = (...names) => report.stages.filter((stage) => names.includes(stage.what)).reduce((sum, stage) => sum + (stage.seconds ?? 0), 0)
  return {
    paths: verify(job, done.stdout), found: report.matched, restore: stage('restore', 'looked up', 'restored'), save: stage('saved'),
    received: report.traffic.received, sent: report.traffic.sent,
  }
}

/** Waits until the server has recoded every upload and deleted it. Returns what the server's disk then holds. */
async function settle(server) {
  for (let waited = 0; waited < 120; waited += 0.1) {
    const usage = JSON.parse(snowbank('cache', 'usage', '--server', server.url, '--data', server.data, '--json'))
    if (usage.recoding === 0 && usage.disk.uploads_bytes === 0) return diskOf(server.data)
    await sleep(100)
  }
  throw new Error('the server did not finish recoding')
}

const libraries = join(work, 'libraries')
gatherLibraries(libraries)
const sides = [
  { name: 'npm client', server: await startServer(work, 'npm', repository), job: npmJob },
  { name: 'snowbank', server: await startServer(work, 'snowbank', repository), job: snowbankJob },
]
const rows = [['', '', 'found', 'restore', 'received', 'save', 'sent', 'server disk', 'paths']]
let changed
for (const [what, locked] of [['cold', 1], ['warm', 1], ['changed', 2]]) {
  if (what === 'changed') {
    changed = release(libraries)
    say(`Now the lock file and ${changed.name} (${megabytes(changed.size)}) are new.`)
  }
  for (const { name, server, job } of sides) {
    const work = workspace(`${what}-${server === sides[0].server ? 'npm' : 'snowbank'}`, locked)
    const before = await settle(server)
    say(`${what}: an empty machine with ${name === "snowbank" ? "" : "the "}${name}; the key is ${work.key.slice(0, restoreKey.length + 8)}…`)
    const done = job(server, work)
    const after = await settle(server)
    const found = !done.found ? 'nothing' : done.found.startsWith(work.key) ? 'its key' : 'the last one'
    rows.push([what, name, found, seconds(done.restore), megabytes(done.received), seconds(done.save), megabytes(done.sent),
      `+${megabytes(after - before)}`, `${done.paths}, verified`])
    run('chmod', '-R', 'u+w', work.root)
    run('rm', '-rf', work.root)
  }
}
say('')
say(table(rows))
say('')
say('Every job had an empty machine; after each, `nix-store --verify --check-contents` read every path against its hash.')
process.exit()
