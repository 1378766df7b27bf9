// Runs one operation of the real npm cache client and prints, as its last line, one JSON object:
// {"result": the matched key, the cache's id or null; "seconds": wall time of the client's call; "error": text or null;
//  "sent", "received": bytes over all its connections}.
//
// usage: node driver.mjs '{"client": "cache4"|"cache6", "op": "save"|"restore"|"lookup",
//                          "paths": [...], "key": "...", "restoreKeys": [...]}'
//
// The working folder is the workspace, the environment names the server as a runner would, and NPM_CLIENTS is
// the folder into which the clients were installed (see scripts/setup).
import { subscribe } from 'node:diagnostics_channel'
import { argv, env, exit } from 'node:process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { client, op, paths, key, restoreKeys = [] } = JSON.parse(argv[2])
const cache = await import(pathToFileURL(join(env.NPM_CLIENTS, 'node_modules', client, 'lib', 'cache.js')))

const sockets = []
subscribe('net.client.socket', ({ socket }) => sockets.push(socket))

const start = performance.now()
let result = null
let error = null
try {
  if (op === 'save') result = await cache.saveCache(paths, key)
  else result = await cache.restoreCache(paths, key, restoreKeys, { lookupOnly: op === 'lookup' })
} catch (thrown) {
  error = String(thrown)
}
const seconds = (performance.now() - start) / 1000
const sum = (counter) => sockets.reduce((total, socket) => total + socket[counter], 0)
console.log(JSON.stringify({ result: result ?? null, seconds, error, sent: sum('bytesWritten'), received: sum('bytesRead') }))
// Without this a timer of a failed download keeps the process for minutes.
exit(0)
