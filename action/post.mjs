// Saves what is new when the job has ended.

import { readFileSync } from "node:fs";

import { flag, input, lines, mask, run, say, state, warn } from "./runner.mjs";

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

async function main() {
  const why = reason();
  if (why) return say(`nothing is saved: ${why}`);
  const { url, token } = JSON.parse(readFileSync(process.env.SNOWBANK_SERVICE, "utf8"));
  mask(token);
  const prefixes = lines("restore-keys").flatMap((prefix) => ["--restore-key", prefix]);
  const upstream = flag("keep-upstream") ? ["--keep-upstream"] : [];
  const budget = input("save-budget") ? ["--budget", input("save-budget")] : [];
  const size = input("max-size") ? ["--max-size", input("max-size")] : [];
  // GitHub's API is about GitHub's own cache.
  const github = input("remote") ? "" : input("github-token");
  mask(github);
  const words = ["save", "--end", "--key", state("key"), "--remote", url, ...prefixes, ...upstream, ...budget, ...size];
  const tokens = { SNOWBANK_TOKEN: token, GH_TOKEN: github, GITHUB_TOKEN: github };
  const how = await run("Save the Nix store", state("binary"), [...words, "--", ...lines("paths")], tokens);
  if (how) warn(`the Nix store is not saved: ${how}`);
}

try {
  await main();
} catch (error) {
  warn(`the Nix store is not saved: ${error.message}`);
}
