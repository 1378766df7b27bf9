// The program: one that is there, or a release's, its checksum verified.

import { createHash } from "node:crypto";
import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const PATIENCE = 60_000;

export async function find({ binary, version }) {
  if (binary) {
    const path = resolve(binary);
    accessSync(path, constants.X_OK);
    return path;
  }
  const asset = `snowbank-${architecture()}-${system()}`;
  const tools = process.env.RUNNER_TOOL_CACHE || process.env.RUNNER_TEMP;
  if (!tools) throw new Error("neither RUNNER_TOOL_CACHE nor RUNNER_TEMP is set");
  const release = version || own();
  const path = join(tools, "snowbank", release || "latest", asset, "snowbank");
  // The latest is another one tomorrow.
  if (release && existsSync(path)) return path;
  const server = process.env.GITHUB_SERVER_URL || "https://github.com";
  const repository = process.env.GITHUB_ACTION_REPOSITORY;
  if (!repository) throw new Error("this is no release of the action: name a `binary`");
  const from = release ? `download/${encodeURIComponent(release)}` : "latest/download";
  const url = `${server}/${repository}/releases/${from}/${asset}`;
  const [bytes, sums] = await Promise.all([fetched(url), fetched(`${url}.sha256`)]);
  const expected = sums.toString().trim().split(/\s+/)[0];
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== expected) throw new Error(`${url} has the checksum ${found} instead of ${expected}`);
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}`;
  writeFileSync(part, bytes);
  chmodSync(part, 0o755);
  renameSync(part, path);
  return path;
}

// The release that these files are of: v1 moves from one to the next, and each has its own program.
function own() {
  const ref = process.env.GITHUB_ACTION_REF ?? "";
  if (/^v\d+\.\d+\.\d+/.test(ref)) return ref;
  if (!/^v\d+$/.test(ref)) return "";
  const manifest = readFileSync(new URL("../Cargo.toml", import.meta.url), "utf8");
  return `v${/^version = "(.+)"$/m.exec(manifest)[1]}`;
}

async function fetched(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) }).catch((error) => {
    throw new Error(`${url} cannot be fetched: ${error.cause?.message ?? error.message}`);
  });
  if (!answer.ok) throw new Error(`${url} is answered with ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

function architecture() {
  const known = { x64: "x86_64", arm64: "aarch64" }[process.arch];
  if (!known) throw new Error(`there is no release for ${process.arch}: name a \`binary\``);
  return known;
}

function system() {
  const known = { linux: "linux", darwin: "darwin" }[process.platform];
  if (!known) throw new Error(`there is no release for ${process.platform}: name a \`binary\``);
  return known;
}
