// What the demo's parts share.
import { spawn, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, openSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process, { env } from 'node:process'
import { createInterface } from 'node:readline'

const here = import.meta.dirname

export const say = (text) => console.log(text)
export const run = (program, ...args) => {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 })
  } catch (error) {
    throw new Error(`${program} ${args.join(' ')} failed:\n${error.stdout}${error.stderr}`)
  }
}
export const snowbank = (...args) => run(env.DEMO_BINARY, ...args)
export const nixStore = (root, ...args) => run('nix-store', '--store', root, ...args).trim().split('\n')
export const diskOf = (folder) => Number(run('du', '-s', '--block-size=1', folder).split('\t')[0])

/** Starts a server of its own on a free port. It ends with this program. */
export async function startServer(work, name, repository) {
  const [data, log] = [join(work, `server-${name}`), join(work, `server-${name}.log`)]
  const server = spawn(env.DEMO_BINARY, ['serve', '--listen', '127.0.0.1:0', '--data', data], {
    stdio: ['ignore', 'pipe', openSync(log, 'w')],
  })
  process.on('exit', (code) => { server.kill(); if (code) say(readFileSync(log, 'utf8')) })
  for await (const line of createInterface(server.stdout)) {
    const address = line.match(/http:\/\/[\d.]+:\d+/)
    if (!address) continue
    const token = snowbank('token', 'create', '--data', data, '--repo', repository, '--scope', 'refs/heads/main:rw', '--expires', '1h').trim()
    return { url: address[0], data, token }
  }
  throw new Error('the server did not say where it listens')
}

/** What a build does: it puts the libraries into the job's own Nix store, and a path that refers to all of them. */
export const builds = (root, libraries) => ['nix-instantiate', '--store', root, '--eval', '--json', '--read-write-mode',
  join(here, 'closure.nix'), '--arg', 'libraries', libraries]

/** Copies the toolchain's libraries, so that one of them can change. */
export function gatherLibraries(libraries) {
  const lib = join(run('rustc', '--print', 'sysroot').trim(), 'lib')
  const host = run('rustc', '-vV').match(/host: (.*)/)[1]
  mkdirSync(libraries)
  for (const [folder, pick] of [[lib, /^lib(rustc_driver|LLVM)/], [join(lib, 'rustlib', host, 'lib'), /^lib/]]) {
    for (const name of readdirSync(folder).filter((name) => pick.test(name))) {
      cpSync(join(folder, name), join(libraries, name), { verbatimSymlinks: true })
    }
  }
}

/** A new release of one library: the compiler itself, with another version number wherever it names its own. */
export function release(libraries) {
  const name = readdirSync(libraries).find((name) => name.startsWith('librustc_driver'))
  const file = join(libraries, name)
  const version = run('rustc', '--version').split(' ')[1]
  const next = version.slice(0, -1) + (version.endsWith('9') ? '8' : '9')
  run('sed', '-i', `s/${version.replaceAll('.', '\\.')}/${next}/g`, file)
  return { name, size: statSync(file).size }
}
