// Computes hashFiles() with the real @actions/glob the way the runner does: reads [{"workspace", "patterns", "follow"}]
// from the file that is named and prints a list of values, null where the call fails.
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, sep } from 'node:path'
import { argv, chdir, cwd, env } from 'node:process'

const glob = createRequire(join(env.NPM_CLIENTS, 'node_modules', 'x'))('@actions/glob')

async function hashFiles({ workspace, patterns, follow }) {
  chdir(workspace)
  const all = createHash('sha256')
  let found = false
  const globber = await glob.create(patterns.join('\n'), { followSymbolicLinks: follow })
  for await (const file of globber.globGenerator()) {
    if (!file.startsWith(cwd() + sep) || statSync(file).isDirectory()) continue
    all.write(createHash('sha256').update(readFileSync(file)).digest())
    found = true
  }
  return found ? all.digest('hex') : ''
}

const values = []
for (const call of JSON.parse(readFileSync(argv[2], 'utf8'))) {
  try {
    values.push(await hashFiles(call))
  } catch {
    values.push(null)
  }
}
console.log(JSON.stringify(values))
