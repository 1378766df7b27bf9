// Three jobs of one repository, as a runner would run them:
//   1  has built its Nix store and saves it under the hash of its lock file
//   2  the lock file has changed, one package was built anew: saves again
//   3  the lock file has changed once more, the machine is empty: restores the newest store through the restore key
import { spawn, execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, openSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process, { env, argv } from 'node:process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { megabytes, seconds, table } from './table.mjs'

const work = argv[2]
const here = import.meta.dirname
const repository = 'acme/app'
const restoreKey = 'nix-store-Linux-'
// As in the workflow, but for the root: a store that belongs to this demo alone.
const paths = ['root/nix/store', 'root/nix/var/nix/db']
const data = join(work, 'server')

const say = (text) => console.log(text)
const run = (program, ...args) => {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 })
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')} failed:\n${error.stdout}${error.stderr}`)
  }
}
const snowbank = (...args) => run(env.DEMO_BINARY, ...args)
const nixStore = (root, ...args) => run('nix-store', '--store', root, ...args).trim().split('\n')
const diskOf = (folder) => Number(run('du', '-s', '--block-size=1', folder).split('\t')[0])

/** The value of `hashFiles('flake.lock')`: the hash of the hashes of the files, of which there is one. */
const hashFile = (file) => {
  const hash = createHash('sha256').update(readFileSync(file)).digest()
  return createHash('sha256').update(hash).digest('hex')
}

const lockFile = (release) => JSON.stringify({ nodes: { rust: { locked: { release } } }, root: 'root', version: 7 })

/** Starts the server on a free port and returns its URL. It ends with this program. */
async function startServer() {
  const log = join(work, 'server.log')
  const server = spawn(env.DEMO_BINARY, ['serve', '--listen', '127.0.0.1:0', '--data', data], {
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  })
  process.on('exit', (code) => { server.kill(); if (code) say(readFileSync(log, 'utf8')) })
  for await (const line of createInterface(server.stdout)) {
    const address = line.match(/http:\/\/[\d.]+:\d+/)
    if (address) return { url: address[0] }
  }
  throw new Error('the server did not say where it listens')
}

/** A job's workspace: a folder with the lock file in it. */
function workspace(name, release) {
  const folder = join(work, name)
  mkdirSync(join(folder, 'temp'), { recursive: true })
  writeFileSync(join(folder, 'flake.lock'), lockFile(release))
  return { folder, root: join(folder, 'root'), key: restoreKey + hashFile(join(folder, 'flake.lock')) }
}

/** Puts the libraries into the job's own Nix store; returns the path that refers to all the others. */
function build(job, libraries) {
  const top = run('nix-instantiate', '--store', job.root, '--eval', '--json', '--read-write-mode',
    join(here, 'closure.nix'), '--arg', 'libraries', libraries)
  job.top = JSON.parse(top)
  job.store = nixStore(job.root, '--query', '--requisites', job.top)
}

/** Runs the npm client in the job's workspace, with what a runner would put into its environment. */
function npmClient(server, token, job, op) {
  const order = { client: 'cache6', op, paths, key: job.key, restoreKeys: [restoreKey] }
  const environment = {
    PATH: env.PATH, HOME: job.folder, NPM_CLIENTS: env.NPM_CLIENTS, no_proxy: '127.0.0.1',
    RUNNER_TEMP: join(job.folder, 'temp'), GITHUB_WORKSPACE: job.folder,
    ACTIONS_RESULTS_URL: `${server.url}/`, ACTIONS_CACHE_SERVICE_V2: '1', ACTIONS_RUNTIME_TOKEN: token,
  }
  const driver = join(here, '../crates/testkit/js/driver.mjs')
  const output = execFileSync('node', [driver, JSON.stringify(order)], {
    cwd: job.folder, env: environment, encoding: 'utf8', maxBuffer: 1 << 26,
  })
  const report = JSON.parse(output.trim().split('\n').at(-1))
  if (report.error || report.result === null || report.result === -1) throw new Error(`${op} failed:\n${output}`)
  return report
}

/** Waits until the server has recoded every upload and deleted it. Returns what the server's disk then holds. */
async function settle(server) {
  for (let waited = 0; waited < 120; waited += 0.1) {
    const usage = JSON.parse(snowbank('cache', 'usage', '--server', server.url, '--data', data, '--json'))
    if (usage.recoding === 0 && usage.disk.uploads_bytes === 0) return diskOf(data)
    await sleep(100)
  }
  throw new Error('the server did not finish recoding')
}

/** Copies the toolchain's libraries, so that one of them can change. */
function gatherLibraries() {
  const lib = join(run('rustc', '--print', 'sysroot').trim(), 'lib')
  const host = run('rustc', '-vV').match(/host: (.*)/)[1]
  const libraries = join(work, 'libraries')
  mkdirSync(libraries)
  for (const [folder, pick] of [[lib, /^lib(rustc_driver|LLVM)/], [join(lib, 'rustlib', host, 'lib'), /^lib/]]) {
    for (const name of readdirSync(folder).filter((name) => pick.test(name))) {
      cpSync(join(folder, name), join(libraries, name), { verbatimSymlinks: true })
    }
  }
  return libraries
}

/** A new release of one library: the compiler itself, with another version number wherever it names its own. */
function release(libraries) {
  const name = readdirSync(libraries).find((name) => name.startsWith('librustc_driver'))
  const file = join(libraries, name)
  const version = run('rustc', '--version').split(' ')[1]
  const next = version.slice(0, -1) + (version.endsWith('9') ? '8' : '9')
  run('sed', '-i', `s/${version.replaceAll('.', '\\.')}/${next}/g`, file)
  return { name, size: statSync(file).size }
}

const server = await startServer()
const token = snowbank('token', 'create', '--data', data, '--repo', repository, '--scope', 'refs/heads/main:rw', '--expires', '1h').trim()
const empty = await settle(server)
say(`The server listens at ${server.url}.`)

const libraries = gatherLibraries()
const first = workspace('job-1', 1)
build(first, libraries)
const storeBytes = diskOf(first.root)
say(`Job 1 has a Nix store of ${first.store.length} paths, ${megabytes(storeBytes)}. It saves as ${first.key}.`)
first.report = npmClient(server, token, first, 'save')
const afterFirst = await settle(server)

const changed = release(libraries)
const second = workspace('job-2', 2)
build(second, libraries)
say(`Job 2 has a new ${changed.name} (${megabytes(changed.size)}) and a new lock file. It saves as ${second.key}.`)
second.report = npmClient(server, token, second, 'save')
const afterSecond = await settle(server)

const third = workspace('job-3', 3)
say(`Job 3 has yet another lock file and no store. It asks for ${third.key}, or else ${restoreKey}*.`)
third.report = npmClient(server, token, third, 'restore')
if (third.report.result !== second.key) throw new Error(`found ${third.report.result}, not the newest`)
const restored = nixStore(third.root, '--query', '--requisites', second.top)
if (restored.join() !== second.store.join()) throw new Error('the restored store is not the one that was saved')
say(`$ nix-store --store job-3/root --verify --check-contents`)
run('nix-store', '--store', third.root, '--verify', '--check-contents')

const listed = JSON.parse(snowbank('cache', 'list', '--server', server.url, '--data', data, '--json')).caches
const tarballs = listed.reduce((sum, cache) => sum + cache.size_in_bytes, 0)
const short = (key) => `${key.slice(0, restoreKey.length + 8)}…`
say('')
say(table([
  ['', 'job 1 saves', 'job 2 saves', 'job 3 restores'],
  ['lock file', 'release 1', 'release 2', 'release 3'],
  ['its key', short(first.key), short(second.key), `${short(third.key)} (not there)`],
  ['found by', '', '', `${restoreKey} (restore key)`],
  ['which gave', '', '', `${short(third.report.result)} (newest)`],
  ['Nix store paths', first.store.length, `${second.store.length}, 2 of them new`, `${restored.length}, all verified`],
  ['seconds', ...[first, second, third].map((job) => seconds(job.report.seconds))],
  ['sent to the server', ...[first, second, third].map((job) => megabytes(job.report.sent))],
  ['received', ...[first, second, third].map((job) => megabytes(job.report.received))],
  ['server disk grew by', megabytes(afterFirst - empty), megabytes(afterSecond - afterFirst), ''],
]))
say('')
say(`Two tarballs would take ${megabytes(tarballs)} of disk; the server holds both saves in ${megabytes(afterSecond - empty)}.`)
process.exit()
