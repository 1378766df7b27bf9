// What a step gets from the runner and tells it.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";

const escaped = (text) => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const command = (name, text) => process.stdout.write(`::${name}::${escaped(text)}\n`);

export const warn = (text) => command("warning", text);
export const fail = (text) => command("error", text);
export const mask = (secret) => secret && command("add-mask", secret);
export const say = (text) => process.stdout.write(`${text}\n`);

export const input = (name) => (process.env[`INPUT_${name.toUpperCase()}`] ?? "").trim();
export const lines = (name) => input(name).split("\n").map((line) => line.trim()).filter(Boolean);

export function flag(name) {
  const value = input(name).toLowerCase();
  if (value === "true") return true;
  if (value === "false" || value === "") return false;
  throw new Error(`the input ${name} is true or false, not "${value}"`);
}

// A record in one of the files that the runner reads after the step.
function record(file, name, value) {
  const path = process.env[file];
  if (!path) throw new Error(`${file} is not set: this runs as a step of a job only`);
  const delimiter = `ghadelimiter_${randomUUID()}`;
  appendFileSync(path, `${name}<<${delimiter}\n${value}\n${delimiter}\n`);
}

export const setVariable = (name, value) => record("GITHUB_ENV", name, value);
export const setState = (name, value) => record("GITHUB_STATE", name, value);
export const state = (name) => process.env[`STATE_${name}`] ?? "";

export function addPath(folder) {
  if (process.env.GITHUB_PATH) appendFileSync(process.env.GITHUB_PATH, `${folder}\n`);
}

// Runs a program to its end, what it says in a group of the log, and says how it ended: nothing when it went well. Who
// cancels a job interrupts this process alone, so it passes that on.
export async function run(title, program, words, variables) {
  say(`::group::${title}`);
  const how = await ended(program, words, variables);
  say("::endgroup::");
  return how;
}

function ended(program, words, variables) {
  return new Promise((resolve) => {
    const child = spawn(program, words, { stdio: "inherit", env: { ...process.env, ...variables } });
    const pass = (signal) => child.kill(signal);
    process.on("SIGINT", pass).on("SIGTERM", pass);
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (status, signal) => resolve(status === 0 ? "" : `it ended with ${status ?? signal}`));
  });
}
