// Restores the store, and hands the cache service on to later steps. Whatever goes wrong is a warning: a cache must not
// fail a build.

import { mkdtempSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { find } from "./binary.mjs";
import { addPath, fail, flag, input, lines, mask, run, say, setState, setVariable, warn } from "./runner.mjs";

// A series of the system and the workflow; a key holds neither commas nor hashes.
function usualKey() {
  const workflow = (process.env.GITHUB_WORKFLOW ?? "").replaceAll(/[^\w.-]+/g, "-").slice(0, 100);
  return ["nix", process.platform, process.arch, workflow].filter(Boolean).join("-");
}

// The runner gives the service's address and token to actions only, so later steps get them in a file that nobody else
// on the machine can read.
function handOn(url, token) {
  const folder = mkdtempSync(join(process.env.RUNNER_TEMP || "/tmp", "snowbank-"));
  const file = join(folder, "service.json");
  writeFileSync(file, JSON.stringify({ url, token }), { mode: 0o600 });
  setVariable("SNOWBANK_SERVICE", file);
}

async function main() {
  const miss = flag("fail-on-cache-miss");
  const key = input("key") || usualKey();
  const remote = input("remote");
  const token = input("token") || (remote ? process.env.SNOWBANK_TOKEN : "") || process.env.ACTIONS_RUNTIME_TOKEN;
  mask(token);
  const url = remote || process.env.ACTIONS_RESULTS_URL;
  if (!url || !token) return warn("the Nix store is neither restored nor saved: this runner has no cache service");
  const binary = await find({ binary: input("binary"), version: input("version") });
  addPath(dirname(binary));
  handOn(url, token);
  setState("binary", binary);
  setState("key", key);
  const allowed = process.env.ACTIONS_CACHE_MODE;
  if (allowed === "none" || allowed === "write-only") return say(`nothing is restored: the job's cache mode is ${allowed}`);
  const prefixes = lines("restore-keys").flatMap((prefix) => ["--restore-key", prefix]);
  const mode = input("mode") || "auto";
  const flags = ["fail-on-cache-miss", "lookup-only"].filter(flag).map((name) => `--${name}`);
  const words = ["restore", "--key", key, "--remote", url, "--mode", mode, "--output-sizes", ...prefixes, ...flags];
  const how = await run("Restore the Nix store", binary, words, { SNOWBANK_TOKEN: token });
  if (!how) return;
  if (!miss) return warn(`the Nix store is not restored: ${how}`);
  fail(`the Nix store is not restored: ${how}`);
  process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  warn(`the Nix store is neither restored nor saved: ${error.message}`);
}
