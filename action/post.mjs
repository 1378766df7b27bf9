// Saves what is new when the job has ended.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

import { flag, input, lines, mask, say, state, warn } from "./runner.mjs";

// Why nothing is saved, if nothing is.
function reason() {
  if (!state("binary")) return "nothing was set up";
  if (flag("lookup-only")) return "it was only looked up";
  const mode = process.env.ACTIONS_CACHE_MODE;
  if (mode === "none" || mode === "read") return `the job's cache mode is ${mode}`;
  const save = input("save") || "always";
  if (save === "never") return "the input save is never";
  if (save === "on-success" && input("job-status") !== "success") return "the job did not succeed";
  if (save !== "always" && save !== "on-success") throw new Error(`the input save is not "${save}"`);
  return "";
}

function main() {
  const why = reason();
  if (why) return say(`nothing is saved: ${why}`);
  const { url, token } = JSON.parse(readFileSync(process.env.SNOWBANK_SERVICE, "utf8"));
  mask(token);
  const prefixes = lines("restore-keys").flatMap((prefix) => ["--restore-key", prefix]);
  const upstream = flag("keep-upstream") ? ["--keep-upstream"] : [];
  const budget = input("save-budget") ? ["--budget", input("save-budget")] : [];
  const ended = spawnSync(
    state("binary"),
    ["save", "--end", "--key", state("key"), "--remote", url, ...prefixes, ...upstream, ...budget, "--", ...lines("paths")],
    { stdio: "inherit", env: { ...process.env, SNOWBANK_TOKEN: token } },
  );
  if (ended.status !== 0) warn(`the Nix store is not saved: ${ended.error?.message ?? `it ended with ${ended.status ?? ended.signal}`}`);
}

try {
  main();
} catch (error) {
  warn(`the Nix store is not saved: ${error.message}`);
}
