// Three pushes of one image to Debian's registry, each from a machine that knows nothing of the ones before:
//   cold     the registry has nothing
//   again    nothing has changed; for `snowbank` the store is empty, too, and what it needs comes from a snapshot
//   changed  one library of the image is another release
// With skopeo, which gets the layers ready in a folder, and with `snowbank image push`; each to a registry of its own. A line
// in between counts what is sent. In the end skopeo pulls every image back, which checks each blob against its digest.
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import process, { env, argv } from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { builds, gatherLibraries, nixStore, release, run, say } from './kit.mjs'
import { megabytes, seconds, table } from './table.mjs'

const work = join(argv[2], 'images')
mkdirSync(work)

/** A free port of the loopback interface. */
const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => done(port))
  })
})

/** Starts a registry, and a line to it that counts. Both end with this program. */
async function startRegistry(name) {
  const [port, folder] = [await freePort(), join(work, name)]
  mkdirSync(folder)
  writeFileSync(join(folder, 'config.yml'), `version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: ${join(folder, 'content')}}}
http: {addr: "127.0.0.1:${port}"}
`)
  const registry = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  process.on('exit', () => registry.kill())
  const counted = { sent: 0 }
  const line = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    client.on('data', (bytes) => { counted.sent += bytes.length })
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
  await new Promise((done) => line.listen(0, '127.0.0.1', done))
  counted.host = `127.0.0.1:${line.address().port}`
  for (let waited = 0; waited < 200; waited += 1) {
    const up = await fetch(`http://127.0.0.1:${port}/v2/`).then((answer) => answer.ok, () => false)
    if (up) return counted
    await sleep(50)
  }
  throw new Error('the registry did not start')
}

/** Runs a program beside the line that counts. */
const beside = (program, args, environment) => new Promise((done, failed) => {
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, said] = ['', '']
  child.stdout.on('data', (text) => { out += text })
  child.stderr.on('data', (text) => { said += text })
  child.on('close', (code) => (code === 0 ? done(out) : failed(new Error(`${program} ${args.join(' ')} failed:\n${said}`))))
})

/** A home that nothing was ever put into. */
function freshHome() {
  const home = join(work, 'home')
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home)
  chmodSync(home, 0o777)
  return { PATH: env.PATH, HOME: home, TMPDIR: home }
}

// As root, skopeo keeps what it knows of blobs outside of its home.
const asNobody = process.getuid() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []

async function skopeoPush(registry, tag, { root, top }) {
  const layout = join(work, 'layout')
  run(env.DEMO_BINARY, 'image', 'push', '--quiet', '--no-records', '--compression', 'none', '--store', root, top, `oci:${layout}:${tag}`)
  run('chmod', '-R', 'a+rX', layout)
  const command = [...asNobody, 'skopeo', '--insecure-policy', 'copy', '--dest-tls-verify=false', `oci:${layout}:${tag}`,
    `docker://${registry.host}/acme/app:${tag}`]
  return () => beside(command[0], command.slice(1), freshHome())
}

const snapshots = join(work, 'snapshots')
const key = 'demo'

async function snowbankPush(registry, tag, { root, top }) {
  const source = tag === 'again' ? ['--from', key, '--store', join(work, 'nothing-here')] : ['--store', root]
  const args = ['image', 'push', '--json', '--quiet', '--remote', snapshots, ...source, top, `${registry.host}/acme/app:${tag}`]
  return () => beside(env.DEMO_BINARY, args, freshHome())
}

/** Builds the image's closure in a store of its own, and saves it. */
function build(name, libraries) {
  const root = join(work, name)
  nixStore(root, '--verify')
  const top = JSON.parse(run(...builds(root, libraries)).split('\n')[0])
  run(env.DEMO_BINARY, 'save', '--quiet', '--key', key, '--remote', snapshots, '--store', root, '--no-nix-cache', top)
  return { root, top }
}

/** Pulls an image back; skopeo checks every blob. Returns how many layers it has. */
async function verify(registry, tag) {
  const folder = join(work, 'pulled')
  await beside('skopeo', ['--insecure-policy', 'copy', '--src-tls-verify=false', `docker://${registry.host}/acme/app:${tag}`, `dir:${folder}`], env)
  const { layers } = JSON.parse(readFileSync(join(folder, 'manifest.json')))
  rmSync(folder, { recursive: true })
  return layers.length
}

chmodSync(argv[2], 0o711)
chmodSync(work, 0o711)
const libraries = join(work, 'libraries')
gatherLibraries(libraries)
const sides = [
  { name: 'skopeo', registry: await startRegistry('registry-skopeo'), push: skopeoPush },
  { name: 'snowbank', registry: await startRegistry('registry-snowbank'), push: snowbankPush },
]
const rows = [['', '', 'sent', 'time', 'layers', 'pulled back']]
let store = build('store', libraries)
for (const tag of ['cold', 'again', 'changed']) {
  if (tag === 'changed') {
    const { name, size } = release(libraries)
    say(`Now ${name} (${megabytes(size)}) is new.`)
    store = build('store-changed', libraries)
  }
  for (const { name, registry, push } of sides) {
    say(`${tag}: an image of ${nixStore(store.root, '--query', '--requisites', store.top).length} store paths, pushed by ${name}`)
    const go = await push(registry, tag, store)
    const [before, begun] = [registry.sent, performance.now()]
    await go()
    const took = (performance.now() - begun) / 1000
    const sent = registry.sent - before
    rows.push([tag, name, megabytes(sent), seconds(took), await verify(registry, tag), 'every digest right'])
  }
}
say('')
say(table(rows))
say('')
say('Every push came from a machine that knows nothing: skopeo with an empty home, snowbank with an empty home and, for `again`, an empty store.')
process.exit()
